"""Data to learn from without an environment: transitions that earlier runs have stored.

Imports core, replay, checkpoint, envs, run_folder and training.
"""

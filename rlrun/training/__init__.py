"""The training of one run: stepping, and when to log, evaluate, save, film and stop.

Imports core, checkpoint, envs, loop, media, run_folder, stats, tables, terminal and value_bias; no
configuration.
"""

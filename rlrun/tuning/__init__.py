"""Hyperparameter search (the ``search`` settings): search space, trials, pruning.

Imports core and run_folder; Optuna only while a search runs.
"""

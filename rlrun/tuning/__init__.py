"""The search for good settings (the keys are those of ``search``): space, trials, pruning.

Imports core and run_folder; Optuna only while a search runs.
"""

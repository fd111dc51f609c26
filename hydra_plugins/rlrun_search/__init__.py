"""Discovered by Hydra: the sweeper `optuna`, see `sweeper.py`."""

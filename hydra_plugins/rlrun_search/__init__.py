"""What Hydra only finds here: see `sweeper.py`."""

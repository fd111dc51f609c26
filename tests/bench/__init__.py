"""How fast rlrun is beside Stable-Baselines3 and beside the machine itself: `make bench`."""

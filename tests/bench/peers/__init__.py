"""rlrun beside Stable-Baselines3, SBX and compiled loops: the same works, alternately."""

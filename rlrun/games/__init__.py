"""Small environments of our own, registered with Gymnasium under ``rlrun/``.

The probes isolate one thing each that a learner must get right; every agent has to solve those
that apply within seconds (after the test environments of the rejax library).
"""

import gymnasium as gym

PROBES = ("Constant", "Observation", "Delay", "Choice", "Match", "Endless")

for _name in PROBES:
    gym.register(f"rlrun/{_name}-v0", f"rlrun.games.probes:{_name}")

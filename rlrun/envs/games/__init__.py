"""Small environments of rlrun, registered with Gymnasium under ``rlrun/``.

Each probe isolates one thing that a learner must get right; every agent has to solve those that
apply to it within seconds (after the test environments of the rejax library). The others are
problems of textbooks and papers; those that are tables have known models and exact values. Imports
core and media.
"""

import gymnasium as gym

PROBES = ("Constant", "Observation", "Delay", "Choice", "Match", "PixelMatch", "Endless")

for _name in PROBES:
    gym.register(f"rlrun/{_name}-v0", f"rlrun.envs.games.probes:{_name}")

_ROVER = "rlrun.envs.games.mars_rover:MarsRover"
gym.register("rlrun/MarsRover-v0", _ROVER, max_episode_steps=100)
gym.register(
    "rlrun/StochasticMarsRover-v0", _ROVER, max_episode_steps=100, kwargs={"stochastic": True}
)
gym.register(
    "rlrun/ThreeStates-v0", "rlrun.envs.games.three_states:ThreeStates", max_episode_steps=100
)
gym.register(
    "rlrun/MarkovChain-v0", "rlrun.envs.games.markov_chain:MarkovChain", max_episode_steps=1000
)
gym.register("rlrun/GridWorld-v0", "rlrun.envs.games.grid_world:GridWorld", max_episode_steps=100)
gym.register("rlrun/DeepSea-v0", "rlrun.envs.games.deep_sea:DeepSea")
gym.register(
    "rlrun/FrozenLake-v0", "rlrun.envs.games.frozen_lake:FrozenLake", max_episode_steps=400
)
gym.register("rlrun/Vacuum-v0", "rlrun.envs.games.vacuum:Vacuum", max_episode_steps=1800)
gym.register("rlrun/Xor-v0", "rlrun.envs.games.xor:Xor")
gym.register("rlrun/BitFlip-v0", "rlrun.envs.games.bit_flip:BitFlip")


def is_probe(env_id: str) -> bool:
    """Return whether an id is that of a probe."""
    return env_id in [f"rlrun/{name}-v0" for name in PROBES]

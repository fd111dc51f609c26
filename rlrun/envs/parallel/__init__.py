"""Copies of environments with several agents that act at the same time: PettingZoo's parallel API.

`find` looks an environment up by its id, `grid` steps copies of it, `array_grid` those that have an
array version, and `spaces` converts their actions. ``envs/parallel_envs.py`` makes the grid
``[seed, env, agent, ...]`` of them.

Imports core, and of envs what a single copy needs.
"""

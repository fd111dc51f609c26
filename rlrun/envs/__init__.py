"""Environments as a grid ``[seed, env]``: opening, stepping, resetting, replaying on resume.

The only room that decides how an episode ends (``terminated``, ``truncated``, ``gamma``).
`factory` opens environments, `vector` steps many together, `array_envs` holds array versions of
Gymnasium's, `mpe` tasks of several agents, `games` the environments of rlrun.

Imports core and media.
"""

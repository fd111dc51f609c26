"""Environments as a grid ``[seed, env]``: opening, stepping, resetting, replaying on resume.

The only room that decides how an episode ends (``terminated``, ``truncated``, ``gamma``).
`factory` opens environments, `vector` steps many together, `games` holds those of rlrun.

Imports core and media.
"""

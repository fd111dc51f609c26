"""Environments as a grid ``[seed, env]``: made, stepped, reset, and replayed on resume.

The only room in which the end of an episode is decided (``terminated``, ``truncated``, ``gamma``).
`factory` opens environments, `vector` runs many as one, `games` has our own.

Imports core and media.
"""

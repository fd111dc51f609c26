"""The folder of a run: writing it, and reading it back as untrusted data.

`folder` holds the lock and the description of a run, `logger`, `events` and `board` write metrics
and TensorBoard's files, `reader` reads a run back. Imports core and stats.
"""

"""One training run between its first step and its last: when to log, evaluate, save, film and stop.

Imports core, agents' interfaces, the loop, tables, checkpoint, run_folder, terminal and stats; no
configuration.
"""

"""Sweeps of many runs: recording the state of each job; running, stopping and showing jobs.

Imports core, run_folder and terminal.
"""

"""Sweeps and searches on the command line: the jobs, the folder, one job, resuming."""

"""Many runs as one: what has become of each job, and how jobs are run, stopped and shown.

Imports core, run_folder and terminal.
"""

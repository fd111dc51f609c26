"""The command line: compose the configuration, check all of it, claim a folder, run, explain."""

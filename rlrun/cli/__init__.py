"""The command line: compose and check the configuration, claim a folder, run, explain errors.

`app` is the part that runs under Hydra, `commands` the table of verbs, `explain` turns exceptions
into sentences. Imports everything else; only ``__main__`` imports it.
"""

"""The command line: compose the configuration, check all of it, claim a folder, run, explain.

`app` is the part that Hydra runs, `commands` the table of verbs, `explain` turns exceptions into
sentences. Imports everything else; nothing but ``__main__`` imports it.
"""

"""The verbs (`rlrun resume`, `report`, `evaluate`, `record`, `list`): one file for each.

`dispatch` runs them, `runs` finds the run that a word names, `arguments` reads the words after a
verb.
"""

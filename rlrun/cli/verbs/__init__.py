"""The verbs (`rlrun resume`, `report`, `evaluate`, `record`, `list`): a file for each.

`dispatch` runs them, `runs` finds the run that is meant, `arguments` reads the words after a verb.
"""

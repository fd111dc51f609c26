"""Update rules: pure functions of arrays with any leading axes; results are not reduced.

Imports nothing of rlrun: a rule is tested with numbers alone.
"""

"""Update rules: pure functions of arrays with any leading axes, whose results are not reduced.

Imports nothing of rlrun: a rule is tested by its numbers alone.
"""

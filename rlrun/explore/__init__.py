"""Exploration: epsilon-greedy and softmax policies, noise on continuous actions.

`options` has the settings classes of the ``explore`` group. Imports core.
"""

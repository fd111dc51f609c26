"""Exploration: epsilon-greedy and softmax policies, noise on continuous actions.

`options` has the constructors of the ``explore`` group. Imports core.
"""

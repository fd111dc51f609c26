"""Experience replay: a ring of transitions, how it is sampled, n-step returns, rollouts, episodes.

`options` has the settings of the ``replay`` group, which build it. Imports numpy and core; knows
nothing of networks.
"""

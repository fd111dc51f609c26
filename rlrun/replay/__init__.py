"""Experience replay: a ring of transitions, how it is sampled, n-step returns, rollouts, episodes.

`options` has the constructors of the ``replay`` group. Imports only numpy and
``rlrun.core.types``; knows nothing of networks.
"""

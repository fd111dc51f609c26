"""Experience replay: a ring of transitions, how it is sampled, n-step returns, rollouts, episodes.

`options` has the constructors of the ``replay`` group. Imports numpy and ``rlrun.core.types``
only; networks never come near it.
"""

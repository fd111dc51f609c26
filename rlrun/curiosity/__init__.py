"""Intrinsic rewards: bonuses that are added to an environment's rewards when an agent learns.

`interface` has the methods that agents call, `options` the settings of the ``curiosity`` group.
Imports core, nets and tables; knows nothing of agents.
"""

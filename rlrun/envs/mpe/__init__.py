"""Tasks of several agents in the particle world (Lowe et al. 2017), all copies stepped together.

Each gives the same numbers as the environment of that name in the library `mpe2`, bit for bit:
observations, rewards, and first states of the same seeds. `world` is the physics that they share,
one file holds one task, `registry` lists them by the name of the library's module.

Imports core.
"""

"""A fully compiled loop in JAX: environment, replay, networks and learning in one program."""

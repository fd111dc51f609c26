"""Configuration files: their paths, reading them with Hydra, the resolvers they call.

`hydra_api` is the only file that imports Hydra's internals.
"""

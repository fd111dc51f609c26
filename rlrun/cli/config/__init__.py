"""Configuration files: where they are, reading them with Hydra, the functions they call.

`hydra_api` is the only file that imports Hydra's internals.
"""

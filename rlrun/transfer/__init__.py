"""What a run takes from earlier runs: the weights that it starts from, and demonstrations.

Imports everything but run, api and cli.
"""

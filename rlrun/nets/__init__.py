"""Seed-stacked networks with their forward and backward passes, the optimizer and the device.

Every parameter is a row of one buffer ``[seed, P]``. Imports core and torch.
"""

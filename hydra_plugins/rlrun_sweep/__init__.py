"""Discovered by Hydra: the launcher `local` and the sweeper `ledger`."""

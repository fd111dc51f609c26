"""What Hydra only finds here: the launcher `local` and the sweeper `ledger`."""

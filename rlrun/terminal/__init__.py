"""What a run shows on the terminal: progress while it trains, a table at its end. Imports core."""

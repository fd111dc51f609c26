"""What every agent, and the house itself, has to keep."""

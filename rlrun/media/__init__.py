"""Drawing into pixel arrays, and encoding them as videos. Imports core."""

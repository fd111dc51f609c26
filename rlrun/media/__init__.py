"""Drawing into arrays of pixels, and writing them as videos. Imports core."""

"""Gatys: losses, the objective for one frame, the loop that minimises it, the coarse-to-fine schedule."""

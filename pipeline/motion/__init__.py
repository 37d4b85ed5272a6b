"""How pixels move between frames: shots, optical flow, consistency masks, flicker measures."""

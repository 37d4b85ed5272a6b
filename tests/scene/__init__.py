"""The sample clip as it was made: moving layers, of which the true motion of every pixel is known."""

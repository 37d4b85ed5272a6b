"""The sample pictures and the sample clip, and the programs that make them."""

"""Figures of the method: what a paper on it, or a talk, would show."""

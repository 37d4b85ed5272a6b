"""The rooms of Reelbrush; `import reelbrush` is the door for callers, `cli.py` the one for the command line."""

__version__ = "0.1.0"

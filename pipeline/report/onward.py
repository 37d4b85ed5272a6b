"""How to go on after failures: said alike in the terminal, by `reelbrush status` and in the report."""

RESUME_HINT = "Each failure says what to do about it. Then give the same command again: what is finished stays."
"""No more than that, because what helps differs: trying again, another file, or other settings."""

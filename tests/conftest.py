"""Said before torch is imported: one thread for each process. Sums come out the same, and tests that run side by side
do not wait for each other's idle threads."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

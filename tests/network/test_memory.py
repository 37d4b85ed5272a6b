"""That the memory of freed maps is written again without the system filling it with zeros."""

import ctypes
import subprocess
import sys

import pytest

ROUNDS = 20
PAGES = 40_000_000 // 4096
CODE = f"""
import resource, sys
from pipeline.network.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def rounds(count):
    for _ in range(count):
        map = bytearray(b"x") * 40_000_000
        del map
rounds(2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
rounds({ROUNDS})
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Pages that the system had to provide for blocks of 40 MB, written and freed again and again."""
    run = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="needs glibc"
)
def test_freed_memory_is_used_again_as_it_is() -> None:
    # Transparent huge pages, where they are on, come in blocks of 512 pages.
    assert faults("left") >= ROUNDS * PAGES / 512 / 2
    assert faults("kept") < PAGES / 512


def test_the_command_line_keeps_memory() -> None:
    code = (
        "import pipeline.network.memory as memory\n"
        "called = []\n"
        "memory.keep_freed_memory = lambda: called.append(True)\n"
        "import cli\n"
        "assert called"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
def test_of_what_reading_the_weights_takes_the_network_is_left() -> None:
    code = (
        "from pipeline.network.memory import keep_freed_memory\n"
        "from pipeline.network.weights import open_packaged\n"
        "def taken():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith('VmRSS')) / 1024\n"
        "assert keep_freed_memory()\n"
        "before = taken()\n"
        "network = open_packaged()\n"
        "print(taken() - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # 76 MiB are the weights; torch makes room for its threads and tables besides.
    assert 70 < float(run.stdout) < 150

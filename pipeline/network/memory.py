"""What the process does with memory that maps have given back, and how it is told that there is none left."""

from __future__ import annotations

import ctypes
import sys

# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
# What torch says on CUDA and MPS, on a CPU, and on Windows; the system; the C++ library; cuBLAS and cuDNN; OpenCV;
# Python where there is no room for a thread's stack; and oneDNN, which does not say why but was seen to give up so
# where memory ends.
_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cannot allocate memory",
    "bad_alloc",
    "alloc_failed",
    "insufficient memory",
    "can't start new thread",
    "could not create a primitive",
)
LESS_MEMORY = (
    "Paint smaller (--size), in bfloat16 on a GPU that has it (--set precision=bfloat16), or on another device "
    "(--device cpu)."
)
"""What a person can do whose device has too little memory."""
OUT_OF_MEMORY = (
    f"Memory ran out. Close other programs that need it, and give the same command again. Or begin anew: {LESS_MEMORY}"
)
"""What a person is told where nothing else can be tried, as where pictures are decoded or their motion is found."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory did not suffice: Python's own, or one of torch or OpenCV."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _OUT_OF_MEMORY)


def keep_freed_memory() -> bool:
    """Let this process keep the memory of freed maps for the next ones, instead of giving it back to the system.

    Left alone, glibc takes large blocks from the system and gives them back when they are freed: then every page of a
    map is filled with zeros before it is written, in every pass of every step. On one core a step at 512 pixels took
    4.36 s; with memory kept 2.31 s.

    :return: whether it was done: only glibc on Linux can be told so.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, -1))


def give_back_once() -> bool:
    """Give freed memory back to the system now, without a change to what is done with memory that is freed later.

    After something that took much more than is left of it, such as reading weights: where `keep_freed_memory` was
    called, the process would have that much for ever.

    :return: whether it was done: only glibc on Linux can be told so.
    """
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def give_back_freed_memory() -> bool:
    """Give freed memory back to the system, now and from now on: the opposite of `keep_freed_memory`.

    What is kept lies between what is in use, often in pieces into which no map fits: painting the same frames at 384
    pixels took 312 MB of address space with memory kept, 249 MB without.

    :return: whether it was done: only glibc on Linux can be told so.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        return False
    told = [library.mallopt(*pair) for pair in ((_MMAP_MAX, 65536), (_MMAP_THRESHOLD, 2**17), (_TRIM_THRESHOLD, 2**17))]
    library.malloc_trim(0)
    return all(told)

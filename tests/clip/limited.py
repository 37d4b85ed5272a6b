"""A job that has only so much address space: python limited.py WAY MIB ARGUMENT...

WAY is `command`, ARGUMENT then the command line, and MIB what it may take beyond what it has once everything is
imported; or `library`, ARGUMENT then INPUT STYLE OUTPUT NAME=VALUE..., and MIB counts from where painting begins. 0 is
no limit. With `library` events come as with --json, and the last line is how much has been taken at most, in MiB.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import cv2

import pipeline.clip.clip
import pipeline.report.console
from pipeline.clip.api import stylize_video
from pipeline.clip.events import Event, Started
from pipeline.report.jsonlines import json_reporter
from pipeline.settings import read_assignment

LOADED = (cv2, pipeline.clip.clip, pipeline.report.console)
"""What the command line would import later."""


def mebibytes(key: str) -> int:
    """A figure of this process: 'VmSize' is its address space, 'VmPeak' the most that this has been."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(f"{key}:"))


def limit(allowed: int) -> int:
    """Allow so many MiB more than there are now; returns these."""
    now = mebibytes("VmSize")
    if allowed:
        resource.setrlimit(resource.RLIMIT_AS, ((now + allowed) * 2**20, resource.RLIM_INFINITY))
    return now


def library(allowed: int, source: str, style: str, output: str, *settings: str) -> None:
    """Paint a folder; unlike the command line, a library leaves freed memory to the system."""
    before = 0
    report = json_reporter(print)

    def on_event(event: Event) -> None:
        nonlocal before
        report(event)
        if isinstance(event, Started):
            before = limit(allowed)

    values = dict(map(read_assignment, settings))
    stylize_video(source, style, output, device="cpu", on_event=on_event, **values)
    print(mebibytes("VmPeak") - before)


def command(allowed: int, *arguments: str) -> None:
    """`reelbrush` as it is."""
    import cli

    sys.argv[1:] = arguments
    limit(allowed)
    cli.main()


if __name__ == "__main__":
    {"library": library, "command": command}[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])

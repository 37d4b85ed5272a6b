"""What an AVIF or a PNG says of its colours by numbers (ITU-T H.273), without a profile: Pillow heeds only profiles."""

from __future__ import annotations

import struct
from pathlib import Path

_HEAD = 1 << 16
"""Bytes at the start of a file in which it is said."""
_PRIMARIES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_TRANSFERS = {16: "PQ", 18: "HLG"}


def coded_colour_note(path: Path) -> str:
    """What to say of a picture whose colours or whose light are more than those of sRGB, for which they are taken; ''
    of any other.

    :raises OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        primaries, transfer = _codes(stream.read(_HEAD))
    if transfer in _TRANSFERS:
        what = f"{path.name} is HDR ({_TRANSFERS[transfer]}), which is not converted in a picture"
    elif primaries in _PRIMARIES:
        what = f"The colours of {path.name} are those of {_PRIMARIES[primaries]}, which it says without a profile"
    else:
        return ""
    return f"{what}: taken for sRGB, it looks dull. Save it in sRGB from a program that shows it well."


def _codes(head: bytes) -> tuple[int, int]:
    """The numbers of the primaries and of the transfer; zeros where there are none."""
    if head[4:8] == b"ftyp" and (at := head.find(b"colrnclx")) >= 0 and len(head) >= at + 12:
        primaries, transfer = struct.unpack_from(">HH", head, at + 8)
        return primaries, transfer
    data = head.find(b"IDAT")
    if head[1:4] == b"PNG" and 0 <= (at := head.find(b"cICP")) < (data if data >= 0 else len(head) - 5):
        return head[at + 4], head[at + 5]
    return 0, 0

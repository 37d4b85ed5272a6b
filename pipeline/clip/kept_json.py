"""JSON values in a file of a work folder, with a hash of theirs: a single bit that has changed on the disk shows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pipeline.media.outputs import written_atomically


def digest_of(values: Any) -> str:
    """SHA-256 of JSON values, 64 hexadecimal digits; the same whatever the order of names in a table."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def keep_json(path: Path, values: Any) -> None:
    """Write values that `read_json` gives back.

    :raises OutputError: the disk is full, or the folder has gone.
    """
    with written_atomically(path) as part:
        kept = {"sha256": digest_of(values), "values": values}
        part.write_text(json.dumps(kept) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """What `keep_json` has written.

    :raises OSError: there is no such file, or it cannot be read.
    :raises ValueError: it is no longer what was written.
    """
    kept = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(kept, dict) or set(kept) != {"sha256", "values"} or digest_of(kept["values"]) != kept["sha256"]:
        raise ValueError("it is not what was written there")
    return kept["values"]


def differences(found: Any, wanted: Any, where: str = "") -> str:
    """'settings.size (256, now 512) and input (…)': which values differ, readable."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        parts = [
            differences(found.get(key), wanted.get(key), f"{where}.{key}" if where else str(key))
            for key in sorted({*found, *wanted})
            if found.get(key) != wanted.get(key)
        ]
        return ", ".join(parts)
    return f"{where} ({_short(found)}, now {_short(wanted)})"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "…"

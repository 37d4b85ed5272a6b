"""JSON values in a file of a work folder, with a hash of theirs: a single bit that has changed on the disk shows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
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


def differences(found: Any, wanted: Any, names: Mapping[str, str], where: str = "") -> str:
    """'settings.size (256, now 512) and input (a.jpg has changed, or it was another file)': which values differ,
    readable.

    :param names: of the files whose hashes are among the values, by their hash.
    """
    if isinstance(found, dict) and isinstance(wanted, dict):
        parts = [
            differences(found.get(key), wanted.get(key), names, f"{where}.{key}" if where else str(key))
            for key in sorted({*found, *wanted})
            if found.get(key) != wanted.get(key)
        ]
        return ", ".join(parts)
    if without_hashes(found) != without_hashes(wanted):
        return f"{where} ({_short(found)}, now {_short(wanted)})"
    # Only files differ.
    changed = [names[one] for one in hashes_in(wanted) if one in names and one not in hashes_in(found)]
    if not changed:
        return where
    return f"{where} ({' and '.join(dict.fromkeys(changed))} has changed, or it was another file)"


def hashes_in(values: Any) -> list[str]:
    """All hashes of files among JSON values, in order."""
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, list):
        return [one for value in values for one in hashes_in(value)]
    return [values] if _is_hash(values) else []


def without_hashes(values: Any) -> Any:
    """JSON values with '…' for the hash of a file."""
    if isinstance(values, dict):
        return {name: without_hashes(value) for name, value in values.items()}
    if isinstance(values, list):
        return [without_hashes(value) for value in values]
    return "…" if _is_hash(values) else values


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _short(value: Any) -> str:
    text = json.dumps(without_hashes(value), ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "…"

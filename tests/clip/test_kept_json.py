"""JSON values of a work folder, and how they differ in words."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.clip.kept_json import differences, hashes_in, without_hashes

A, B, C = "a" * 64, "b" * 64, "c" * 64
NAMES = {A: "a.png", B: "b.png"}


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        ({"size": 256}, {"size": 512}, "size (256, now 512)"),
        ({"of": {"a": 2}}, {"of": {"a": 3, "b": 1}}, "of.a (2, now 3), of.b (null, now 1)"),
        ({"input": C}, {"input": A}, "input (a.png has changed, or it was another file)"),
        ({"network": A}, {"network": C}, "network"),
        ({"styles": [[C, 1.0]]}, {"styles": [[A, 1.0]]}, "styles (a.png has changed, or it was another file)"),
        ({"of": [[C, 1.0], [B, 1]]}, {"of": [[A, 1.0], [B, 1]]}, "of (a.png has changed, or it was another file)"),
        ({"styles": [[A, 0.3]]}, {"styles": [[A, 0.7]]}, 'styles ([["…", 0.3]], now [["…", 0.7]])'),
        ({"init": None}, {"init": A}, 'init (null, now "…")'),
    ],
)  # fmt: skip
def test_differences_in_words(found: Any, wanted: Any, said: str) -> None:
    assert differences(found, wanted, NAMES) == said
    assert A not in said and B not in said


def test_hashes_are_found_at_any_depth() -> None:
    values = {"one": [A, {"two": B}], "three": "abc", "four": 7}
    assert hashes_in(values) == [A, B] and without_hashes(values) == {
        "one": ["…", {"two": "…"}],
        "three": "abc",
        "four": 7,
    }

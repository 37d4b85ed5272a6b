"""One painting of a batch, and every file that it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pipeline.batch.plan.item import Item, with_paths
from pipeline.clip.exemplars import Exemplar
from pipeline.clip.jobs import ClipJob, StillJob
from pipeline.clip.keyframes import Keyframe, RegionKey, region_number
from pipeline.clip.regions import Mask, MaskPicture, Region
from pipeline.clip.styles import StylePicture

SKY = Mask((MaskPicture(Path("sky.png"), 0), MaskPicture(Path("later.png"), Fraction(3, 2))))
WRITTEN = {Path("o.mp4"), Path("o.gif"), Path("o.png")}


def style(name: str) -> tuple[StylePicture, ...]:
    return (StylePicture(Path(name)),)


REGIONS: dict[str, Any] = {
    "region": (Region(SKY, style("wave.jpg")),),
    "protect": (Mask((MaskPicture(Path("p.png")),)),),
}
KEYFRAMES = (
    Keyframe(3, styles=style("night.jpg")), Keyframe(Fraction(2), regions=(RegionKey(SKY, style("storm.jpg")),)),
)  # fmt: skip
OVER_TIME: dict[str, Any] = {**REGIONS, "keyframes": KEYFRAMES, "exemplar": (Exemplar(Path("hand.png"), 4),)}
ITEM = Item(
    name="o", source=Path("in.mp4"), styles=style("ink.jpg"), output=Path("o.mp4"), gif=Path("o.gif"),
    weights=Path("w.pth"), init=Path("start.png"), **OVER_TIME,
)  # fmt: skip
CLIP = ClipJob(
    Path("in.mp4"), style("ink.jpg"), Path("o.mp4"), Path("o.gif"), init=Path("start.png"), **OVER_TIME
)  # fmt: skip
STILL = StillJob(Path("in.png"), style("ink.jpg"), Path("o.png"), Path("start.png"), **REGIONS)


def paths_in(of: Any) -> Iterator[Path]:
    if isinstance(of, Path):
        yield of
    elif isinstance(of, tuple):
        yield from (path for one in of for path in paths_in(one))
    elif is_dataclass(of):
        yield from (path for one in fields(of) for path in paths_in(getattr(of, one.name)))


@pytest.mark.parametrize("job", [ITEM, CLIP, STILL], ids=lambda job: type(job).__name__)
def test_all_files_are_known_that_it_is_painted_from(job: Item | ClipJob | StillJob) -> None:
    assert {*job.files_read} == {*paths_in(job)} - WRITTEN - {Path("w.pth")}


def test_it_can_be_painted_on_a_machine_that_works_in_another_folder() -> None:
    there = with_paths(ITEM, lambda path: Path("/far") / path)
    assert {*paths_in(there)} == {Path("/far") / path for path in paths_in(ITEM)}
    assert region_number(there.keyframes[1].regions[0], there.region) == 0
    assert Item.from_json(there.as_json()).files_read == there.files_read

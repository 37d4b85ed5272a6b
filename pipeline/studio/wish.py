"""What the studio is asked for: an input, paintings and settings, and the command that paints just that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.batch.plan.inputs import Input
from pipeline.batch.plan.item import Item
from pipeline.batch.plan.naming import ending_for
from pipeline.clip.regions import Regions
from pipeline.clip.styles import StylePicture
from pipeline.media.suffixes import WRITABLE
from pipeline.pictures.preview import command_words
from pipeline.settings import DEFAULT_PRESET, Settings, resolve
from pipeline.text import number_text


@dataclass(frozen=True)
class Wish:
    """What is to be painted, and how. Equal wishes have equal paintings."""

    source: Path | None = None
    styles: tuple[StylePicture, ...] = ()
    """They blend."""
    preset: str = DEFAULT_PRESET
    strength: float = 0.5
    colours: str = "style"
    style_scale: float | tuple[float, ...] = 1.0
    size: int | None = None
    """Longest side of the real painting in pixels, 0: as the input is; None: as the preset says."""
    frame: int = 0
    """Which of the frames that stand for the clip is looked at, from 0."""
    large_shapes: float = 0.0
    regions: Regions = field(default_factory=Regions)
    """Parts with styles of their own, and what is not painted."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other settings, which the page does not show."""

    @property
    def complete(self) -> bool:
        """Whether there is something to paint."""
        return self.source is not None and bool(self.styles)

    @property
    def settings(self) -> Settings:
        """Complete, of the real job.

        :raises SettingsError: they are not possible.
        """
        size = {} if self.size is None else {"size": self.size}
        own = {name: getattr(self, name) for name in ("strength", "colours", "style_scale", "large_shapes")}
        return resolve(self.preset, {**self.more, **own, **size})

    def words(self) -> list[str]:
        """The settings as options that differ from what they are without being said; strength is not among them."""
        found = [] if self.preset == DEFAULT_PRESET else ["--preset", self.preset]
        found += [] if self.size is None else ["--size", str(self.size)]
        found += [] if self.colours == "style" else ["--colours", self.colours]
        scales = self.style_scale if isinstance(self.style_scale, tuple) else (self.style_scale,)
        found += [] if scales == (1,) else ["--style-scale", ",".join(map(number_text, scales))]
        found += ["--large-shapes", number_text(self.large_shapes)] if self.large_shapes else []
        found += [word for one in self.regions.region for word in ("--region", one.text)]
        return found + [word for one in self.regions.protect for word in ("--protect", one.text)]


def _result_ending(source: Path) -> str:
    """The ending of what is painted from an input; '' for a folder of numbered pictures."""
    return ending_for(Input(source, source.parent, source.is_dir(), searched=False), None)


def paints_picture(source: Path) -> bool:
    """Whether a single picture becomes of it, and no clip."""
    return _result_ending(source).lower() in WRITABLE


def suggested_output(source: Path) -> Path:
    """Where the result goes if nothing else is said: into the folder that the studio was started in."""
    return Path.cwd() / f"{source.stem}-painted{_result_ending(source)}"


def job_words(wish: Wish, output: Path, written: Sequence[str]) -> list[str]:
    """The command that paints it all, word by word, from 'reelbrush' on.

    :param wish: a complete one.
    :param written: options that the page does not show, as they were typed.
    """
    assert wish.source is not None
    item = Item(output.name, wish.source, wish.styles, output, settings={"strength": wish.strength})
    return command_words(item, [*wish.words(), *written])


def for_people(path: Path, uploads: Path) -> Path:
    """A file as one would type it here; what was uploaded goes by its name alone, since where it lies is gone with the
    session."""
    home = Path.cwd()
    if path.is_relative_to(uploads):
        return Path(path.name)
    return path.relative_to(home) if path.is_relative_to(home) else path

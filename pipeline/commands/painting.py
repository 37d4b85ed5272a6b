"""What the commands that paint are told of how: a preset, single settings, files of them, and what to paint with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.clip.jobs import DEVICE, WEIGHTS
from pipeline.clip.keyframe_texts import parse_keyframes
from pipeline.clip.keyframes import Keyframe
from pipeline.errors import SettingsError, UsageError
from pipeline.options import MOTION, PAINTING, Typed, group, option
from pipeline.settings import (
    DEFAULT_PRESET,
    NAMES,
    PRESET,
    Settings,
    about,
    read_assignment,
    read_config,
    resolve,
    split_start,
)
from pipeline.signals import defer_signals

if TYPE_CHECKING:
    from pipeline.clip.engine import Engine

OF_A_PICTURE = {
    "steps": "Steps at the full size of the picture.",
    "start": "What the painting starts from: the content in the colours of the style, the content as it is, noise, a "
    "blank canvas, or a picture: the name of its file.",
}
"""What is said of settings where there are no clips."""
KEYFRAMES = "keyframes"
"""What may stand in a file of settings beside them."""
SET = option(
    "Any other setting; 'reelbrush presets standard' shows them all. Can be given several times.",
    PAINTING,
    flags=("--set",),
    metavar="NAME=VALUE",
    suggested=lambda: {f"{name}=": about(name) for name in NAMES},
)
CONFIG = option("Settings from a TOML file; options on the command line win.", PAINTING, metavar="FILE.toml")


@dataclass(frozen=True)
class Assigned:
    """Settings that are given by name, and win over those of a preset."""

    assigned: Sequence[str] = field(default=(), metadata=SET)

    def values(self) -> dict[str, Any]:
        """Name -> value; of one that is given twice, the last.

        :raises SettingsError: a name that no setting has.
        """
        return dict(map(read_assignment, self.assigned))


@dataclass(frozen=True)
class Painting:
    """How a job is painted; of settings, what concerns pictures has an option of its own."""

    preset: str | None = field(default=None, metadata=PRESET)
    typed: Typed = field(
        default_factory=dict,
        metadata=group(Settings, panels=(PAINTING,), preset=DEFAULT_PRESET, about=OF_A_PICTURE),
    )
    weights: Path | None = field(default=None, metadata=WEIGHTS)
    device: str = field(default="auto", metadata=DEVICE)
    config: Path | None = field(default=None, metadata=CONFIG)
    assigned: Sequence[str] = field(default=(), metadata=SET)

    def assigned_values(self) -> dict[str, Any]:
        """What was typed of single settings, in one way or the other."""
        return {**Assigned(self.assigned).values(), **self.typed}

    def values(self) -> dict[str, Any]:
        """All that is said of settings, the preset included if it is: by the file, then --set, then options. Among them
        `start` may name a picture.

        :raises SettingsError: a name that no setting has, or a file that cannot be read.
        """
        in_file = {name: value for name, value in self._in_file().items() if name != KEYFRAMES}
        found = {**in_file, **self.assigned_values()}
        return {**found, "preset": self.preset} if self.preset is not None else found

    def _in_file(self) -> dict[str, Any]:
        return read_config(self.config, also=(KEYFRAMES,)) if self.config else {}

    @property
    def keyframes(self) -> tuple[Keyframe, ...]:
        """Those in the file of settings; relative names in them count from its folder.

        :raises UsageError, SettingsError: one of them cannot be, or the file cannot be read.
        """
        found = self._in_file()
        if KEYFRAMES not in found or self.config is None:
            return ()
        try:
            return parse_keyframes(found[KEYFRAMES], self.config.parent)
        except UsageError as error:
            raise SettingsError(f"{self.config}: {error}") from None

    def refuse_keyframes(self) -> None:
        """See that there are no keyframes in the file of settings.

        :raises UsageError: there are.
        """
        if self.keyframes:
            raise UsageError(
                f"{self.config} has keyframes, and here is nothing that changes over time. Leave them out; 'reelbrush "
                "video' paints clips."
            )

    @property
    def start(self) -> Path | None:
        """The picture that painting starts from, where one is named."""
        return split_start(self.values())[1]

    def check(self) -> Settings:
        """The settings, which are seen to be possible.

        :raises SettingsError: they are not.
        """
        values, _ = split_start(self.values())
        return resolve(values.pop("preset", DEFAULT_PRESET), values)

    @property
    def shows_later(self) -> bool:
        """Whether it is asked for something of which only `engine` shows whether it can be."""
        return self.weights is not None or self.device not in ("auto", "cpu")

    def engine(self) -> Engine:
        """All that painting needs beside the job; torch is imported for it.

        :raises SettingsError, WeightsError, DeviceError: as their names say.
        """
        with defer_signals():
            from pipeline.clip.engine import open_engine

        values, _ = split_start(self.values())
        return open_engine(values.pop("preset", DEFAULT_PRESET), self.weights, self.device, values)

    def options(self, more: Typed) -> dict[str, Any]:
        """All that is said of how to paint but the device, by name: the settings, the keyframes and the weights.

        :param more: others of the same command, which are put in as they are.
        :raises UsageError, SettingsError: as for `values` and `keyframes`.
        """
        weights = {} if self.weights is None else {"weights": self.weights}
        return {**self.values(), KEYFRAMES: self.keyframes, **weights, **more}

    def typed_words(self, more: Typed) -> list[str]:
        """The options as they were typed, to be typed again.

        :param more: others of the same command.
        """
        device = None if self.device == "auto" else self.device
        first = {"preset": self.preset, "weights": self.weights, **self.typed, **more}
        return words({**first, "device": device, "config": self.config, "set": self.assigned})


@dataclass(frozen=True)
class ClipPainting(Painting):
    """How a clip is painted: there are settings that pictures have no use for."""

    typed: Typed = field(
        default_factory=dict, metadata=group(Settings, panels=(PAINTING, MOTION), preset=DEFAULT_PRESET)
    )


@dataclass(frozen=True)
class PreviewPainting(Painting):
    """How a job is painted that is only looked at: what it costs depends on its size above all."""

    typed: Typed = field(
        default_factory=dict,
        metadata=group(
            Settings, only=("size", "colours", "style_scale", "large_shapes", "start"), preset=DEFAULT_PRESET
        ),
    )


@dataclass(frozen=True)
class StudioPainting(Painting):
    """How the studio begins to paint: what its page lets one change."""

    typed: Typed = field(
        default_factory=dict,
        metadata=group(
            Settings, only=("size", "strength", "colours", "style_scale", "large_shapes"), preset=DEFAULT_PRESET
        ),
    )

    def hidden_words(self) -> list[str]:
        """The options that the page does not show, as they were typed."""
        return words({"weights": self.weights, "device": None if self.device == "auto" else self.device,
                      "config": self.config, "set": self.assigned})  # fmt: skip


def words(options: Mapping[str, Any]) -> list[str]:
    """Options by name as one types them; of several values, each by itself."""
    found: list[str] = []
    for name, value in options.items():
        # Of what is given several times at once, each is typed by itself.
        flag = "--keyframe" if name == KEYFRAMES else f"--{name.replace('_', '-')}"
        for one in value if isinstance(value, (list, tuple)) else [value]:
            found += [] if one is None or one is False else [flag] if one is True else [flag, str(one)]
    return found

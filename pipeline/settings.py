"""Frozen settings, presets and job files: the one place where defaults come from."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import SettingsError
from pipeline.file_kind import address_text, no_file
from pipeline.options import MOTION, PAINTING, Option, option, option_of
from pipeline.presets import DEFAULT_PRESET as DEFAULT_PRESET
from pipeline.presets import VALUES, Layers
from pipeline.text import limits_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


T = TypeVar("T")


def _setting(
    default: T,
    about: str,
    panel: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    metavar: str | None = None,
    frames: bool = False,
    several: bool = False,
) -> T:
    """A setting with its limits. With `choices` it is one of these words; with `frames`, numbers of frames, or one of
    the words; with `several`, a number or a list of them; without a `panel`, it has no option but `--set`."""
    what = option(about, panel, low=low, high=high, choices=choices, metavar=metavar)
    return field(default=default, metadata={**what, "frames": frames, "several": several})


SHAPE_LAYER = "relu5_1"
"""The style layer of large shapes: its filters see 132 pixels and more."""


@dataclass(frozen=True)
class Settings:
    """Everything that, with the inputs, decides what the result looks like. Complete, never changed."""

    preset: str = _setting("standard", "Name of the preset these settings began as.")
    size: int = _setting(
        512,
        "Longest side of the painting in pixels; never upscaled unless asked. 0: as it is.",
        PAINTING,
        low=0,
        high=16384,
    )
    strength: float = _setting(
        0.5,
        "How much style: 0 is the input with a breath of the style, 1 the style with a breath of the input, 0.5 the "
        "preset.",
        PAINTING,
        low=0,
        high=1,
    )

    large_shapes: float = _setting(
        0.0,
        "Large shapes of the style, such as swirls and moons, wherever the input is open: sky, water, a wall. 1 gives "
        "them as much weight as strokes; a style picture with figures puts those there too. 0: none.",
        PAINTING,
        low=0,
        high=1,
    )

    colours: str = _setting(
        "style",
        "Whose colours a painting has: the style's; the input's own, of which only the brightness is painted (keep); "
        "or those of a style picture that was brought near the input's (match).",
        PAINTING,
        choices=("style", "keep", "match"),
    )

    padding: str = _setting(
        "zeros",
        "What the network sees beyond the border: the border repeated, or zeros, as it was trained; they paint a seam.",
        choices=("replicate", "zeros"),
    )
    pooling: str = _setting("average", "Pooling of the network.", choices=("average", "max"))
    precision: str = _setting("auto", "Number format of the network; auto asks the device.",
                            choices=("auto", "float32", "bfloat16"))  # fmt: skip

    content_layers: Layers = _setting((), "Content layers and their weights.")
    style_layers: Layers = _setting((), "Style layers and their weights w_l (eq. 5).")
    positions_per_filter: float = _setting(
        0.0,
        "Positions that a style layer needs for each of its filters. With half of them, at a coarse size, it counts "
        "half. 0: every layer counts in full at every size (Gatys et al.).",
        low=0,
        high=1024,
    )
    statistic: str = _setting("gram", "What a style is: Gram matrices, or mean and covariance of every map.",
                            choices=("gram", "moments"))  # fmt: skip
    normalisation: str = _setting("relative", "How losses are scaled (see pipeline/style/losses.py).",
                                choices=("gatys2016", "released", "notebook", "relative"))  # fmt: skip

    content_weight: float = _setting(1.0, "Weight of the content loss (alpha in eq. 7).", PAINTING, low=0)
    style_weight: float = _setting(1.0, "Weight of the style loss (beta in eq. 7).", PAINTING, low=0)
    tv_weight: float = _setting(0.0, "Weight of the total variation.", PAINTING, low=0)
    recolour: float = _setting(
        0.0,
        "How far the content takes on the palette of the style before paintings are compared with it: 0 not at all "
        "(Gatys et al.), 1 mean and deviation of every content map become the style's.",
        low=0,
        high=1,
    )
    clip_palette: float = _setting(
        0.0,
        "How far it is the clip as a whole that has the colours of the style, so that they do not wander: 0 every "
        "frame has all of them for itself (Gatys et al.), 1 a frame that is darker than its clip is painted as much "
        'darker. Of a picture it changes nothing, and nothing with statistic = "gram".',
        low=0,
        high=1,
    )
    style_scale: float | tuple[float, ...] = _setting(
        1.0,
        "Longest side of the style picture, in longest sides of the painting: less gives finer strokes, more coarser "
        "ones; several, such as 0.4,2, give both at once.",
        PAINTING,
        low=0.05,
        high=8,
        metavar="N[,N]",
        several=True,
    )

    steps: int = _setting(
        100, "Steps for a picture, or for the first frame of a shot, at its full size.", PAINTING, low=1
    )
    coarse_steps: float = _setting(
        1.0, "Steps at each coarser size before, for each step at the full one.", low=0.01, high=100
    )
    tolerance: float = _setting(
        0.0, "Stop when `patience` steps lower the loss by less than this share; 0: never.", low=0, high=1
    )
    patience: int = _setting(50, "Steps over which the tolerance is judged.", low=5)
    seconds: float = _setting(
        0.0, "Time budget for one frame in seconds; 0: none. The result then depends on the machine.", low=0
    )

    optimizer: str = _setting("adam", "How to step downhill.", PAINTING, choices=("adam", "lbfgs"))
    learning_rate: float = _setting(0.02, "Adam: learning rate; L-BFGS: largest root mean square change of one step. "
                                        "Pixels go from 0 to 1.", low=1e-6, high=10)  # fmt: skip
    averaging: float = _setting(
        0.0, "Adam: decay of the average over iterates that is the result; 0 for none.", low=0, high=0.9999
    )
    history: int = _setting(20, "L-BFGS: number of past steps it learns from.", low=1, high=200)

    start: str = _setting(
        "content",
        "What a painting, or each shot of a clip, starts from: the content in the colours of the style, the content as "
        "it is, noise, a blank canvas, or a picture: the name of its file.",
        PAINTING,
        choices=("recoloured", "content", "noise", "blank"),
    )
    levels: int = _setting(
        1, "Sizes painted from coarse to fine at the start, each twice the one before.", low=1, high=8
    )
    smallest: int = _setting(64, "Shortest side of the coarsest size, in pixels.", low=16)
    carry: str = _setting(
        "warped",
        "What a frame of a video starts from: the painting before it, moved along with what it shows; that painting, "
        "changed in place as the input has changed; that painting as it is; or nothing.",
        MOTION,
        choices=("warped", "adjusted", "previous", "none"),
    )
    carried_steps: int = _setting(
        30, "Steps for a frame that starts from the one before it, at its full size.", MOTION, low=1
    )
    carried_levels: int = _setting(
        1, "Sizes painted from coarse to fine for a frame that starts from the one before it.", low=1, high=8
    )
    flow: str = _setting(
        "dis",
        "Optical flow that moves the paintings: DIS, which needs nothing, found on a GPU where one paints; DIS on the "
        "processor, wherever is painted; or RAFT, a trained network that needs its weights on the machine and, to be "
        "quick, a GPU.",
        MOTION,
        choices=("dis", "dis-cpu", "raft", "raft-small"),
    )
    temporal_weight: float = _setting(
        0.0,
        "Weight of the temporal loss (Ruder et al. 2016), which holds a frame near the moved painting; 0: none.",
        MOTION,
        low=0,
    )
    long_term: tuple[int, ...] = _setting(
        (1,), "How many frames back the paintings lie that the temporal loss looks at.", low=1, high=64, frames=True
    )
    passes: int = _setting(
        1,
        "How often a video is painted: each further pass goes the other way, and starts every frame from its painting "
        "and that of the frame before it in the pass, with half the carried steps (Ruder et al. 2016, section 4.3).",
        MOTION,
        low=1,
        high=32,
    )
    early_hold: float = _setting(
        1.0,
        "Share of the temporal weight that all passes but the last have, of a loop all but the last two: with less, "
        "what comes into view is painted better, and the last pass brings calm.",
        low=0.0,
        high=1.0,
    )
    loop: bool = _setting(
        False,
        "Whether the last frame of a clip leads to its first one again: the last of at least two passes closes the "
        "circle.",
        MOTION,
    )
    cuts: str = _setting(
        "auto",
        "Where shots begin, each of them painted anew: auto finds cuts and dissolves, none is a single shot; or frame "
        "numbers, counted from 0 in the input, such as 24,57.",
        MOTION,
        choices=("auto", "none"),
        metavar="auto|none|LIST",
        low=0,
        frames=True,
    )
    may_shrink: bool = _setting(
        False,
        "Whether a frame for which memory does not suffice may be painted at half or a quarter of the size and "
        "enlarged, instead of ending the job. The result then depends on the machine.",
    )
    seed: int = _setting(0, "Seed of the noise.", PAINTING, low=0, high=10**9)

    def as_toml(self, comments: bool = False) -> str:
        """These settings as a TOML text that `--config` reads back; with comments, each one explained."""
        lines = []
        for f in fields(self):
            if comments:
                lines.append(f"# {explained(f.name)}\n")
            lines.append(f"{f.name} = {_toml(getattr(self, f.name))}\n")
        return "".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and all(isinstance(entry, (int, float)) for entry in value):
        return repr(list(value))
    if isinstance(value, tuple):
        return "{ " + ", ".join(f"{layer} = {weight!r}" for layer, weight in value) + " }"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


STRENGTHS = 30.0
"""How many times the style weight of the preset `strength` 1 stands for; 0 is as small a part of it."""


def strengthened(strength: float) -> float:
    """What the style weight is multiplied by: 1 in the middle, and even in its logarithm.

    :param strength: 0 to 1.
    """
    return float(STRENGTHS ** (2 * strength - 1))


def open_layers(settings: Settings) -> dict[str, float]:
    """The style layers that count only where the content is open, with their weights w_l."""
    most = max((weight for _, weight in settings.style_layers), default=0.0)
    return {SHAPE_LAYER: settings.large_shapes * most} if settings.large_shapes else {}


def about(name: str) -> str:
    """What the setting of that name means, one sentence."""
    return _option(name).about


def explained(name: str, about: str | None = None) -> str:
    """What it means, and the words that it can be.

    :param about: in the place of what it means.
    """
    found, frames = _option(name), _FIELDS[name].metadata["frames"]
    return (about or found.about) + (f" One of {', '.join(found.choices)}." if found.choices and not frames else "")


def _option(name: str) -> Option:
    found = option_of(_FIELDS[name])
    assert found is not None
    return found


_FIELDS = {f.name: f for f in fields(Settings)}
NAMES = tuple(name for name in _FIELDS if name != "preset")
"""What can be set by name."""


PRESETS: dict[str, str] = {name: text for name, (text, _) in VALUES.items()}
"""Name of every preset and what it is for."""
PRESET = option(
    f"All settings at once: {', '.join(PRESETS)}. 'reelbrush presets' says what each is for.",
    PAINTING,
    metavar="NAME",
    suggested=lambda: PRESETS,
    default=DEFAULT_PRESET,
)
"""Of whatever is painted with a preset."""


def resolve(preset: str = DEFAULT_PRESET, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The complete settings of a preset, with single values replaced.

    :raises SettingsError: an unknown preset or setting (the nearest valid name is given), or an impossible value.
    """
    if preset not in VALUES:
        raise SettingsError(f"There is no preset {preset!r}{nearest(preset, VALUES)}. Presets: {', '.join(VALUES)}.")
    values = dict(VALUES[preset][1])
    for name, value in (overrides or {}).items():
        values[known(name)] = checked(name, value)
    if not (values["content_weight"] or values["style_weight"] or values["tv_weight"]):
        raise SettingsError("content_weight, style_weight and tv_weight are all 0: there is nothing to paint towards.")
    if "passes" not in (overrides or {}) and values.get("carry", "warped") != "warped":
        # What a preset wishes for is no reason to refuse what was asked for.
        values["passes"] = 1
    if values.get("large_shapes", 0) and SHAPE_LAYER in dict(values["style_layers"]):
        raise SettingsError(
            f"large_shapes needs style_layers without {SHAPE_LAYER}, which brings large shapes everywhere (preset "
            f"{preset!r}). Leave large_shapes out, or take {SHAPE_LAYER} out of style_layers."
        )
    several = f"passes = {values.get('passes')}" if values.get("passes", 1) > 1 else "loop = true"
    if (values.get("passes", 1) > 1 or values.get("loop", False)) and values.get("carry", "warped") != "warped":
        raise SettingsError(
            f'{several} needs carry = "warped", not "{values["carry"]}": a further pass carries paintings along the '
            "motion. Leave carry as it is, or paint in one pass and no loop."
        )
    return Settings(**{**values, "preset": preset})


def split_start(values: Mapping[str, Any], home: Path | None = None) -> tuple[dict[str, Any], Path | None]:
    """Settings by name without a picture that `start` may name, and that picture. It is an input of the job, known by
    its content, and no setting.

    :param home: the folder that its name counts from; None for the current one.
    """
    start = values.get("start")
    if not isinstance(start, str) or not start.strip() or start in _option("start").choices:
        return dict(values), None
    path = (home or Path()) / start
    # What is misspelt has neither an ending nor a folder.
    if not (Path(start).suffix or Path(start).name != start or path.exists()):
        return dict(values), None
    return {name: value for name, value in values.items() if name != "start"}, path


def known(name: str) -> str:
    """`name`, if a setting is called so.

    :raises SettingsError: with the nearest valid name.
    """
    if name not in NAMES:
        refuse_network(name)
        if name in _FIELDS:
            raise SettingsError(f"{name} is not set by --set but by an option of its own: --{name}.")
        raise SettingsError(
            f"There is no setting {name!r}{nearest(name, NAMES)}. 'reelbrush presets {DEFAULT_PRESET}' shows them all."
        )
    return name


def refuse_network(name: str, where: str = "") -> None:
    """See that a setting is not the one that chose a network, which files of the first versions have.

    :raises SettingsError: it is; the message begins with `where`.
    """
    if name == "network":
        raise SettingsError(f"{where}There is no setting 'network' any more: all is painted with VGG-19. Leave it out.")


def checked(name: str, value: Any) -> Any:
    """`value` in the type of the setting `name`, if it can be one.

    :raises SettingsError: the wrong type, out of range, or not among the choices.
    """
    known(name)
    what, default = _option(name), _FIELDS[name].default
    if _FIELDS[name].metadata["frames"]:
        if isinstance(value, str) and value.strip().lower() in what.choices:
            return value.strip().lower()
        numbers = _checked_frames(name, value, what)
        return ",".join(map(str, numbers)) if isinstance(default, str) else numbers
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise SettingsError(f"{name} has to be true or false, not {value!r}.")
        return value
    several = _FIELDS[name].metadata["several"]
    if several or isinstance(default, tuple):
        return _checked_numbers(name, value, what) if several else _checked_layers(name, value)
    if what.choices:
        if value not in what.choices:
            others = ", or the name of a picture" if name == "start" else ""
            raise SettingsError(f"{name} cannot be {value!r}{nearest(str(value), what.choices)}. "
                                f"It is one of {', '.join(what.choices)}{others}.")  # fmt: skip
        return value
    return _checked_number(name, value, isinstance(default, int), what.low, what.high)


def _checked_number(name: str, value: Any, whole: bool, low: float | None, high: float | None) -> float | int:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number) or (whole and number != int(number)):
        raise SettingsError(f"{name} has to be a {'whole ' if whole else ''}number, not {value!r}.")
    if (low is not None and number < low) or (high is not None and number > high):
        raise SettingsError(f"{name} has to be {limits_text(low, high)}, not {value}.")
    return int(number) if whole else number


def _checked_numbers(name: str, value: Any, what: Option) -> float | tuple[float, ...]:
    """A number, or several in order and each of them once, from 0.5, [0.4, 2] or a text '0.4,2'."""
    given = value.strip().removesuffix(",").split(",") if isinstance(value, str) else value
    entries = list(given) if isinstance(given, (list, tuple)) else [given]
    if not entries:
        raise SettingsError(f"{name} has to be a number, or several such as 0.4,2, not {value!r}.")
    numbers = sorted({float(_checked_number(name, entry, False, what.low, what.high)) for entry in entries})
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _checked_frames(name: str, given: Any, what: Option) -> tuple[int, ...]:
    """Whole numbers, increasing and each of them once, from 3, [1, 2, 4] or a text '1,2,4'."""
    value = given
    if isinstance(value, str):
        value = [part.strip() for part in value.strip().removesuffix(",").split(",")]
    entries = list(value) if isinstance(value, (list, tuple)) else [value]
    try:
        numbers = [int(_checked_number(name, entry, True, what.low, what.high)) for entry in entries]
    except SettingsError:
        wanted = f"{', '.join(what.choices)} or a list" if what.choices else "a list"
        limits = limits_text(what.low, what.high)
        raise SettingsError(
            f"{name} has to be {wanted} of whole numbers, each {limits}, such as 1,2,4, not {given!r}."
        ) from None
    if not numbers:
        raise SettingsError(f"{name} has to name at least one frame.")
    return tuple(sorted(set(numbers)))


def _checked_layers(name: str, value: Any) -> Layers:
    """Layers from a table {conv4_2 = 1.0}, a list of names, a text 'conv1_1:1,conv2_1:0.75', or pairs."""
    if isinstance(value, str):
        value = dict(part.partition(":")[::2] for part in value.replace(" ", "").split(",") if part)
        value = {layer: weight or 1.0 for layer, weight in value.items()}
    elif isinstance(value, (list, tuple)):
        value = dict(entry if isinstance(entry, tuple) and len(entry) == 2 else (str(entry), 1.0) for entry in value)
    if not isinstance(value, Mapping) or not value:
        raise SettingsError(f"{name} has to name layers with weights, such as conv1_1:1,conv2_1:0.75, not {value!r}.")
    layers = tuple(
        (str(layer), float(_checked_number(f"the weight of {layer} in {name}", weight, False, 0, None)))
        for layer, weight in value.items()
    )
    if not any(weight for _, weight in layers):
        raise SettingsError(f"The weights of all {name} are 0; set {name.removesuffix('_layers')}_weight to 0 instead.")
    return layers


def nearest(name: str, names: Iterable[str]) -> str:
    """' (did you mean 'x'?)' with the one of `names` that is most like `name`; '' where none is."""
    near = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


def read_assignment(text: str) -> tuple[str, Any]:
    """A pair out of 'name=value'; the value is read as TOML, or taken as text.

    :raises SettingsError: no '=', or an unknown name.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"{text!r} is not a setting; write it as NAME=VALUE, for instance learning_rate=0.02.")
    try:
        read = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        read = value.strip()
    name = name.strip().replace("-", "_")
    return known(name), read


def read_toml(text: str) -> dict[str, Any]:
    """The values in a TOML text, whatever they are called. Nothing in it is executed.

    :raises ValueError: it is not TOML.
    """
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return values


def read_toml_file(path: Path, what: str) -> dict[str, Any]:
    """The values in a TOML file, as `read_toml`.

    :param what: it is, in messages: 'job file'.
    :raises SettingsError: no such file, or not TOML.
    """
    try:
        return read_toml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        if address_text(path):
            raise SettingsError(no_file(path)) from None
        raise SettingsError(f"The {what} {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"The {what} {path} is no text in UTF-8: byte {error.start} cannot be read. Save it as UTF-8."
        ) from None
    except ValueError as error:
        raise SettingsError(f"The {what} {path} is not valid TOML: {error}.") from None


def read_config(path: Path, also: Iterable[str] = ()) -> dict[str, Any]:
    """The settings in a TOML file; `preset` may stand among them. Nothing in it is executed.

    :param also: other names that may stand there; what they stand for is not looked at.

    :raises SettingsError: no such file, not TOML, or an unknown key (the nearest valid one is given).
    """
    values = read_toml_file(path, "settings file")
    others, picture = split_start(values, path.parent)
    for name, value in others.items():
        if name in also:
            continue
        if name not in _FIELDS:
            refuse_network(name, f"{path}: ")
            raise SettingsError(f"{path}: there is no setting {name!r}{nearest(name, (*_FIELDS, *also))}.")
        if name in NAMES:
            try:
                checked(name, value)
            except SettingsError as error:
                raise SettingsError(f"{path}: {error}") from None
        elif not isinstance(value, str):
            raise SettingsError(f"{path}: {name} has to be a name, not {value!r}.")
    return values if picture is None else {**values, "start": str(picture)}

"""Names of paintings: from a template, none like another, and each of them one that every disk can hold.

A template such as `{stem}-{style}{ext}` names a file below the folder of the batch; '/' in it makes folders. Fields:

    stem     the name of the input without its ending
    style    the name of the style without its ending; those of a blend joined with '+'
    ext      the ending: that of the input where such a file can be written (and can hold the codec asked for),
             else .mp4 for a clip and .png for a picture; nothing for a folder of numbered pictures, which becomes
             such a folder again
    parent   the folders between the input and the argument that named it. Where a template does not say it, these
             folders are kept, in front of the name.
    preset   as it was asked for
    number   the position in the batch, from 1; {number:03} gives 001

Instead of with {ext} a template can end with an ending of its own, or with '/' for folders of numbered pictures.

Inputs that would give the same name (`a.mp4` and `a.mov`) are told apart: each of them by its whole name
(`a.mp4-ink.mp4`, `a.mov-ink.mp4`), or by the folder it is in, or by both; and if nothing else helps, by a few
characters computed from its path. So a name depends on its own input, and only whether it has to be longer on others.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath, PureWindowsPath

from pipeline.batch.plan.distinct_names import Claim, alike, digest, folded, tell_apart
from pipeline.batch.plan.inputs import Input
from pipeline.errors import UsageError
from pipeline.media.codecs import CODECS, DEFAULT
from pipeline.media.sink import SUFFIXES
from pipeline.media.suffixes import STILLS, WRITABLE, ending
from pipeline.settings import nearest

TEMPLATE = "{stem}-{style}{ext}"
FIELDS = ("stem", "style", "ext", "parent", "preset", "number")
LONGEST_PART = 255
"""Bytes of a name that file systems hold, ..."""
LONGEST = LONGEST_PART - 24
"""... and of the name of a painting: `NAME.reelbrush`, `..NAME.part.gif.part.gif` and others lie beside it."""
_SPEC = re.compile(r"0?\d{1,2}")


@dataclass(frozen=True)
class Template:
    """A template that was looked through. Made by `read_template` or `exactly`."""

    pieces: tuple[tuple[str, str, str], ...]
    """Text, the field that follows it ('' for none), and how that is written."""
    ending: str | None
    """The ending that the template itself gives; '' for a folder of pictures, None for that of {ext}."""
    keeps_folders: bool
    """Whether the folders of the input come first."""


def read_template(text: str) -> Template:
    """Look through a template.

    :raises UsageError: an unknown field, a path that leaves the folder of the batch, or no ending.
    """
    where = f"The name template {text!r}"
    try:
        found = list(string.Formatter().parse(text))
    except ValueError as error:
        raise UsageError(f"{where} cannot be read: {error}. A brace that is meant as such is written twice.") from None
    pieces = []
    for literal, name, spec, conversion in found:
        if name is not None and name not in FIELDS:
            raise UsageError(
                f"{where} has an unknown field {{{name}}}{nearest(name, FIELDS)}. Fields: {', '.join(FIELDS)}."
            )
        if conversion or (spec and not (name == "number" and _SPEC.fullmatch(spec))):
            raise UsageError(f"{where}: {{{name}}} stands for itself; only {{number:03}} can say how wide it is.")
        pieces.append((literal, name or "", spec or ""))
    _refuse_leaving(where, text)
    return Template(tuple(pieces), _own_ending(where, pieces), "parent" not in {name for _, name, _ in pieces})


def exactly(text: str) -> Template:
    """A name that is meant as it is written, below the folder of the batch; no field, and no folders of the input.

    :raises UsageError: as `read_template`.
    """
    where = f"The output {text!r}"
    _refuse_leaving(where, text)
    return Template(((text, "", ""),), _own_ending(where, [(text, "", "")]), False)


def _refuse_leaving(where: str, text: str) -> None:
    parts = re.split(r"[/\\]", text)
    if text.startswith(("/", "\\")) or PureWindowsPath(text).drive or ".." in parts or "\0" in text:
        raise UsageError(f"{where} leaves the output folder. A name is relative to it and has no '..'.")


def _own_ending(where: str, pieces: Sequence[tuple[str, str, str]]) -> str | None:
    """What the name ends in, where the template says it."""
    literal, name, _ = pieces[-1] if pieces else ("", "", "")
    if name == "ext":
        return None
    if not name and literal.endswith("/"):
        return ""
    own = ending(PurePath("x" + literal.rpartition("/")[2])) if not name else ""
    if own not in WRITABLE and own not in SUFFIXES:
        known = ", ".join((*SUFFIXES, *WRITABLE))
        raise UsageError(
            f"{where} does not say what is written. Let it end in {{ext}}, in one of {known}, or in '/' for folders of "
            "numbered pictures."
        )
    return own


@dataclass(frozen=True)
class Wish:
    """A painting that is to get a name."""

    input: Input
    style: str
    """What the style is called."""
    identity: str
    """A text of its own for every input in a style."""
    template: Template
    preset: str
    codec: str | None
    gif: bool
    """Whether a GIF is wanted beside it; beside a picture or a GIF there is none."""


@dataclass(frozen=True)
class Name:
    """Where a painting goes, relative to the folder of the batch, with '/' between folders."""

    output: str
    gif: str | None

    @property
    def claim(self) -> Claim:
        """What it needs of the names there are."""
        files = {folded(name) for name in (self.output, self.gif) if name is not None}
        parts = folded(self.output).split("/")[:-1]
        return frozenset(files | {"/".join(parts[: k + 1]) + "/" for k in range(len(parts))})


@dataclass(frozen=True)
class _Way:
    """What a name says beside what the template does."""

    whole: bool = False
    """The whole name of the input for its stem."""
    folder: bool = False
    """The folder that was searched, or that holds the input."""
    hashed: bool = False


_WAYS = (
    _Way(),
    # For what is named twice, each time with settings of its own: only a number can tell these apart.
    _Way(),
    _Way(whole=True),
    _Way(folder=True),
    _Way(whole=True, folder=True),
    _Way(hashed=True),
)


def named(wishes: Sequence[Wish], kept: Mapping[int, Name] | None = None) -> list[Name]:
    """A name for every painting, different from all others whatever the case of letters and the form of accents.

    :param kept: of those that have one already, by their places in `wishes`, all of them different; it is not changed.
    :raises UsageError: two cannot be told apart, because something is called as if to make it so.
    """
    again, fixed = _repetitions(wishes), kept or {}

    def name(k: int, way: int) -> Name:
        if k in fixed:
            return fixed[k]
        return _name(wishes[k], k + 1, _WAYS[way], "" if again[k] == 1 or way == 0 else f"-{again[k]}")

    chosen = tell_apart(len(wishes), len(_WAYS), lambda k, way: name(k, way).claim)
    found = [name(k, way) for k, way in enumerate(chosen)]
    if same := alike([name.claim for name in found]):
        listed = ", ".join(repr(found[k].output) for k in same[:3])
        raise UsageError(f"These names cannot be told apart: {listed}. Choose another template, or name an input anew.")
    return found


def possible_names(wish: Wish, repetitions: int) -> list[Name]:
    """Every name that a painting may get to be told apart from others, unless its number is in it.

    :param repetitions: how many there may be of the same input in the same style.
    """
    tails = ["", *(f"-{again}" for again in range(2, repetitions + 1))]
    return [_name(wish, 1, way, tail) for way in _WAYS for tail in tails]


def ending_for(source: Input, codec: str | None) -> str:
    """The ending of what is painted from an input; '' for a folder of numbered pictures."""
    own = ending(source.path)
    if source.sequence:
        return ""
    if own in STILLS and not source.moves:
        return own if own in WRITABLE else ".png"
    if own == ".gif":
        return own
    video = own if own in DEFAULT else ".mp4"
    fitting = CODECS[codec].suffixes if codec else (video,)
    return video if video in fitting else fitting[0]


def _repetitions(wishes: Sequence[Wish]) -> list[int]:
    """For each wish, how many there are up to it of the same input in the same style."""
    seen: Counter[str] = Counter()
    found = []
    for wish in wishes:
        seen[wish.identity] += 1
        found.append(seen[wish.identity])
    return found


def _name(wish: Wish, number: int, way: _Way, again: str) -> Name:
    source, template = wish.input, wish.template
    own = ending_for(source, wish.codec) if template.ending is None else template.ending
    above = [source.root.name] if way.folder else []
    parents = [_clean(part) for part in (*above, *source.folder.parts) if part]
    values: dict[str, str | int] = {
        "stem": _clean(source.path.name if way.whole or source.sequence else source.path.stem),
        "style": wish.style,
        "ext": own,
        "parent": "/".join(parents),
        "preset": wish.preset,
        "number": number,
    }
    tail = again + (f"-{digest(wish.identity)}" if way.hashed else "")
    room = LONGEST - len(tail) - max(len(own), len(".gif"))
    folders, head = _filled(template, values, own)
    over = len(head.encode()) - room
    if over > 0:
        # Of the stem first: whoever sees the name should still see the style.
        stem = str(values["stem"])
        values["stem"] = shortened(stem, max(32, len(stem.encode()) - over))
        folders, head = _filled(template, values, own)
    folders = [*(parents if template.keeps_folders else ()), *folders]
    head = "/".join(
        [
            *(shortened(_harmless(part), LONGEST_PART) for part in folders if part not in ("", ".")),
            shortened(head, room),
        ]
    )
    beside = wish.gif and own != ".gif" and own not in WRITABLE
    return Name(f"{head}{tail}{own}", f"{head}{tail}.gif" if beside else None)


def _filled(template: Template, values: Mapping[str, str | int], own: str) -> tuple[list[str], str]:
    """The folders of a name, and its last part without the ending."""
    filled = [literal + (format(values[name], spec) if name else "") for literal, name, spec in template.pieces]
    text = _clean("".join(filled))
    *folders, last = (text.rstrip("/") if template.ending == "" else text).split("/")
    head = last[: len(last) - len(own)] or str(values["stem"])
    # A folder whose name has a dot in it would be taken for a file with an unknown ending.
    return folders, _harmless(head if own else head.replace(".", "_"))


def _harmless(part: str) -> str:
    """A part of a path that is nothing but dots could lead elsewhere."""
    return part if part.strip(".") else "_" * len(part)


def _clean(text: str) -> str:
    """Bytes of a name that are no text become '_': neither JSON nor a database can hold them."""
    return "".join("_" if "\ud800" <= letter <= "\udfff" else letter for letter in text)


def shortened(text: str, limit: int) -> str:
    """`text` in at most `limit` bytes of UTF-8, no letter cut in two; characters computed from all of it tell texts
    apart that begin alike."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    mark = f"~{digest(text)}"
    return raw[: limit - len(mark)].decode(errors="ignore") + mark

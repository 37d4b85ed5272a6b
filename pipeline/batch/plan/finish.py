"""The last step of planning: every painting that was asked for becomes an item with a name that can be written."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.batch.ledger import LEDGER, Ledger
from pipeline.batch.plan.blends import Blend, identity, labels
from pipeline.batch.plan.inputs import Input
from pipeline.batch.plan.item import Item
from pipeline.batch.plan.mistakes import Mistakes
from pipeline.batch.plan.naming import Name, Template, Wish, named, possible_names
from pipeline.batch.plan.options import Options
from pipeline.clip.framing import SDR, flag
from pipeline.errors import OutputError, StoreError, UsageError
from pipeline.media.codecs import CODECS, DEFAULT, checked_quality
from pipeline.media.suffixes import VIDEOS, WRITABLE, ending
from pipeline.text import first_of


@dataclass(frozen=True)
class Request:
    """A painting without a name."""

    input: Input
    blend: Blend
    options: Options
    template: Template


def finished(folder: Path, requests: Sequence[Request]) -> tuple[Item, ...]:
    """The paintings with their names, in the same order.

    :param folder: where they go.
    :raises UsageError: names cannot be told apart, a clip would become a picture, a file cannot hold its codec, or a
        painting would replace an input or be one the next time.
    """
    called = labels([request.blend for request in requests])
    wishes = [_wish(request, called[request.blend]) for request in requests]
    names = named(wishes, _kept_names(folder, requests, wishes))
    items = tuple(_item(folder, request, name) for request, name in zip(requests, names, strict=True))
    mistakes = Mistakes()
    with mistakes.collected():
        _check_kinds(requests, items)
    with mistakes.collected():
        _check_codecs(items)
    with mistakes.collected():
        _check_gifs(requests, items)
    with mistakes.collected():
        _check_keyframes(requests, items)
    with mistakes.collected():
        _check_places(folder, requests, items)
    mistakes.check()
    return items


def _kept_names(folder: Path, requests: Sequence[Request], wishes: Sequence[Wish]) -> dict[int, Name]:
    """The names that earlier commands have given to paintings which are asked for again, by their places: which others
    are asked for beside them may have been another matter then.

    It is known by its input, its styles and its options; by the first two alone, where there is only one such.
    """
    noted: dict[str, list[Item]] = defaultdict(list)
    for item in _noted_items(folder):
        noted[_identity(item.source, item.styles)].append(item)
    asked = Counter(wish.identity for wish in wishes)
    found: dict[int, Name] = {}
    for place, (request, wish) in enumerate(zip(requests, wishes, strict=True)):
        before = {item.name: item for item in noted.get(wish.identity, ())}
        if not before:
            continue
        possible = {name.output: name for name in possible_names(wish, max(len(before), asked[wish.identity]))}
        same = [name for name in before if name in possible]
        alike = [name for name in same if _asks_the_same(before[name], _item(folder, request, possible[name]))]
        alone = same if len(same) == asked[wish.identity] == 1 else []
        if chosen := [possible[name] for name in (alike or alone) if possible[name] not in found.values()]:
            found[place] = chosen[0]
    return found


def _asks_the_same(one: Item, other: Item) -> bool:
    """Whether two paintings are to be made alike, wherever they go."""
    return replace(one, output=other.output, gif=other.gif).as_json() == other.as_json()


def _noted_items(folder: Path) -> list[Item]:
    """What earlier commands have asked for in a folder."""
    if not (folder / LEDGER).is_file():
        return []
    try:
        with closing(Ledger(folder)) as ledger:
            return [row.item for row in ledger.items(left_out=True)]
    except (StoreError, OutputError):  # the run says what is wrong with it
        return []


def _identity(source: Path, blend: Blend) -> str:
    return f"{source.resolve()}\0{identity(blend)}"


def _wish(request: Request, style: str) -> Wish:
    how = request.options
    own = _identity(request.input.path, request.blend)
    return Wish(request.input, style, own, request.template, how.preset, how.codec, how.gif)


def _item(folder: Path, request: Request, name: Name) -> Item:
    how, output = request.options, folder / name.output
    still = ending(output) in WRITABLE
    # A codec and sound are for videos; GIFs and pictures of the same batch have none.
    video = ending(output) in DEFAULT
    unfit: dict[str, Any] = {
        **({"frames": None, "fps": None, "keyframes": ()} if still else {}),
        **({} if video else {"codec": None, "quality": None, "shortest": False, "location": False}),
        **({} if video else {"audio": "default", "hdr": SDR}),
        # 10 bits are for videos, and 16 for what is made of pictures without loss.
        **({} if video or (how.depth == 16 and ending(output) in ("", ".png")) else {"depth": None}),
    }
    gif = None if name.gif is None else folder / name.gif
    if still or (gif is None and ending(output) != ".gif"):
        unfit |= dict.fromkeys(how.gif_options)
    elif gif is None and how.gif_size is not None:
        # Both say how large the GIF is; this one says it of GIFs alone.
        unfit["output_size"] = None
    return Item(name.output, request.input.path, request.blend, output, gif, **{**how.shared(), **unfit})


def _check_kinds(requests: Sequence[Request], items: Sequence[Item]) -> None:
    wrong = [
        item
        for request, item in zip(requests, items, strict=True)
        if item.still and (request.input.sequence or ending(request.input.path) in VIDEOS)
    ]
    if wrong:
        raise UsageError(
            f"{first_of([item.source for item in wrong])}: a clip cannot be painted into a single picture "
            f"({wrong[0].output.name}). Let the name template end in {{ext}}, or paint clips and pictures apart."
        )


def _check_codecs(items: Sequence[Item]) -> None:
    wrong = [item for item in items if item.codec and ending(item.output) not in CODECS[item.codec].suffixes]
    if wrong:
        codec = wrong[0].codec or ""
        raise UsageError(
            f"{first_of([item.output for item in wrong])}: a {ending(wrong[0].output)} file cannot hold {codec}. For "
            f"it, let names end in {', '.join(CODECS[codec].suffixes)} or {{ext}}."
        )
    said = [item for item in items if item.quality is not None]
    for codec, quality in dict.fromkeys((item.codec or DEFAULT[ending(item.output)], item.quality) for item in said):
        checked_quality(codec, quality)


def _check_gifs(requests: Sequence[Request], items: Sequence[Item]) -> None:
    """What is asked of GIFs has to be asked of one at least, by each of its values: those of one clip of a job file
    may be for that clip alone."""
    asked = {(name, value) for request in requests for name, value in request.options.gif_options.items()}
    met = {asks for item in items for asks in item.gif_options.items()}
    if lost := sorted({name for name, _ in asked - met}):
        raise UsageError(
            f"{', '.join(map(flag, lost))}: this is for GIFs, and none is made of what it is said of. Have one made "
            "beside every clip (--gif, or gif = true), or leave it out."
        )


def _check_keyframes(requests: Sequence[Request], items: Sequence[Item]) -> None:
    """Keyframes have to be those of a clip; of a batch that has pictures as well they are those of its clips."""
    if any(request.options.keyframes for request in requests) and not any(item.keyframes for item in items):
        raise UsageError(
            "Keyframes are for clips, and in a picture nothing changes over time: all inputs with keyframes are "
            "pictures. Leave the keyframes out."
        )


def _check_places(folder: Path, requests: Sequence[Request], items: Sequence[Item]) -> None:
    """No painting may replace what anything is painted from, or lie where it would be found as an input."""
    real = folder.resolve()
    outputs = {real / output.relative_to(folder): output for item in items for output in item.outputs}
    sources = {path.resolve() for path in {path for item in items for path in item.files_read}}
    if replaced := [output for where, output in outputs.items() if where in sources]:
        raise UsageError(
            f"{first_of(replaced)}: a painting would replace what is painted from, or was painted by an earlier run. "
            "Choose another output folder, or name the inputs without the paintings."
        )
    # An output folder inside an input folder is left out when that is searched.
    searched = {request.input.root for request in requests if request.input.searched}
    roots = {root for root in map(Path.resolve, searched) if not real.is_relative_to(root)}
    if found := [output for where, output in outputs.items() if any(where.is_relative_to(root) for root in roots)]:
        raise UsageError(
            f"{first_of(found)}: this lies in an input folder, where it would be an input the next time. Choose "
            "another output folder, or another name template."
        )

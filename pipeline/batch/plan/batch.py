"""A whole batch: every painting of it with its name, from what was said on the command line or in a job file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.batch.plan import blends
from pipeline.batch.plan.blends import Blend, find_styles
from pipeline.batch.plan.finish import Request, finished
from pipeline.batch.plan.inputs import Input, each_once, find_inputs
from pipeline.batch.plan.item import Item
from pipeline.batch.plan.jobfile import JobFile, JobItem, read_job_file
from pipeline.batch.plan.mistakes import Mistakes
from pipeline.batch.plan.naming import TEMPLATE, Template, read_template
from pipeline.batch.plan.options import Options
from pipeline.batch.plan.values import with_values
from pipeline.errors import UsageError
from pipeline.file_kind import located


@dataclass(frozen=True)
class Batch:
    """Paintings, in the order in which they are painted, and the folder that they go to."""

    folder: Path
    items: tuple[Item, ...]
    left_out: tuple[Path, ...] = ()
    """Files of the folders that are left out although a person may want them painted."""


@dataclass(frozen=True)
class _Own:
    """An item of a job file, with what it names."""

    item: JobItem
    inputs: list[Input]
    styles: list[Blend]
    """Its own; none: those of the file."""

    def request(self, one: Input, blend: Blend) -> Request:
        """One of its inputs in a style, as the item says."""
        return Request(one, blend, self.item.options, self.item.template)


def plan_batch(
    inputs: Sequence[str],
    styles: Sequence[str],
    folder: str | Path,
    *,
    name: str = TEMPLATE,
    pair: bool = False,
    sequences: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Batch:
    """The batch that a command line means: every input in every style.

    :param inputs: files, folders and patterns, see `inputs.find_inputs`; in the order given, each file once. Style
        pictures that lie in an input folder are not painted.
    :param styles: pictures, folders of pictures, and blends such as 'a.jpg:0.7+b.jpg:0.3'.
    :param folder: where the paintings go; it need not exist yet.
    :param name: a template, see `naming`.
    :param pair: the n-th input in the n-th style only; a single style is for all of them.
    :param sequences: a folder that holds nothing but numbered pictures is one clip.
    :param options: fields of `Options` but settings (preset, weights, frames, fps, upscale, aspect, pad, output_size,
        codec, quality, gif, gif_size and the like), and single settings by name, as they were written; None among them
        stands for nothing said.
    :raises UsageError, SettingsError: with all that is wrong, a line each.
    """
    mistakes, home = Mistakes(), Path.cwd()
    given = {key: value for key, value in (options or {}).items() if value is not None}
    how = with_values(Options(), given, home, mistakes)
    template = _template(name, mistakes)
    outdir = located(str(folder), home)
    left_out: list[Path] = []
    found = _inputs(inputs, home, outdir, sequences, pair, mistakes, left_out)
    wanted = _styles(styles, home, pair, mistakes, left_out)
    with mistakes.collected():
        if not inputs:
            raise UsageError("A batch needs at least one input: a file, a folder or a pattern.")
    with mistakes.collected():
        if not styles:
            raise UsageError("Painting needs at least one style picture. Write --style FILE.")
    mistakes.check()
    matched = _matched(_without_styles(found, wanted), wanted, pair)
    requests = [Request(one, blend, how, template) for one, its in matched for blend in its]
    return Batch(outdir, finished(outdir, requests), _unused(left_out, requests))


def plan_job_file(path: Path, folder: str | Path | None = None) -> Batch:
    """The batch that a job file means; see `jobfile`.

    :param folder: where the paintings go, instead of what the file says.
    :raises UsageError, SettingsError: with all that is wrong, a line each.
    """
    mistakes = Mistakes()
    job = read_job_file(path, mistakes)
    outdir = job.output if folder is None else located(str(folder), Path.cwd())
    with mistakes.collected(job.place):
        if outdir is None:
            raise UsageError('it does not say where the paintings go. Write output = "painted/", or give -o FOLDER.')
    # Whatever is missing, the files are looked for, so that all mistakes come to light at once.
    outdir = outdir or job.home / "painted"
    left_out: list[Path] = []
    place = f"{job.place}, inputs"
    found = _inputs(job.inputs, job.home, outdir, job.sequences, job.pair, mistakes, left_out, place)
    styles = _styles(job.styles, job.home, job.pair, mistakes, left_out, f"{job.place}, styles")
    own = [
        _Own(
            item,
            _inputs(
                [item.input] if item.input else [],
                *(job.home, outdir, job.sequences, False, mistakes, left_out, item.place),
            ),
            _styles(item.styles, job.home, False, mistakes, left_out, item.place),
        )
        for item in job.items
    ]
    mistakes.check()
    found = _without_styles(found, [*styles, *(blend for mine in own for blend in mine.styles)])
    own = [_Own(mine.item, _without_styles(mine.inputs, mine.styles or styles), mine.styles) for mine in own]
    requests = _requests(job, _matched(found, styles, job.pair), styles, own)
    return Batch(outdir, finished(outdir, requests), _unused(left_out, requests))


def _unused(left_out: Iterable[Path], requests: Iterable[Request]) -> tuple[Path, ...]:
    """Each file that was left out once, without those that another input names."""
    used = {request.input.path for request in requests}
    return tuple(path for path in dict.fromkeys(left_out) if path not in used)


def _requests(
    job: JobFile, matched: Sequence[tuple[Input, Sequence[Blend]]], styles: Sequence[Blend], own: Sequence[_Own]
) -> list[Request]:
    """The paintings of a job file. What an item says takes the place of what would be painted without it, so that the
    folders in its name stay; items with other inputs come after all that."""
    owners: dict[Path, list[_Own]] = defaultdict(list)
    for mine in own:
        for one in mine.inputs:
            owners[one.path.resolve()].append(mine)
    requests: list[tuple[str, Request]] = []
    for one, its in matched:
        special = owners.get(one.path.resolve(), [])
        if not special:
            requests += [(job.place, Request(one, blend, job.options, job.template)) for blend in its]
        for mine in special:
            new = [(mine.item.place, mine.request(one, blend)) for blend in mine.styles or its]
            # In pairs an input can come again; that is no reason to paint it twice in the same style.
            requests += [request for request in new if request not in requests]
    usual = {one.path.resolve() for one, _ in matched}
    mistakes = Mistakes()
    for mine in own:
        rest = [one for one in mine.inputs if one.path.resolve() not in usual]
        with mistakes.collected(mine.item.place):
            if rest and job.pair and not mine.styles and len(styles) > 1:
                raise UsageError("it is no part of a pair. Give it a style of its own.")
            requests += [(mine.item.place, mine.request(one, blend)) for one in rest for blend in mine.styles or styles]
    several = Counter(place for place, _ in requests)
    for mine in own:
        with mistakes.collected(mine.item.place):
            if mine.item.single and several[mine.item.place] > 1:
                raise UsageError(
                    f"its output names one painting, but there are {several[mine.item.place]}. Write a name with "
                    'fields, such as name = "{stem}-{style}{ext}".'
                )
    mistakes.check()
    return [request for _, request in requests]


def _template(text: str, mistakes: Mistakes) -> Template:
    with mistakes.collected():
        return read_template(text)
    return read_template(TEMPLATE)


def _inputs(
    texts: Iterable[str],
    home: Path,
    outdir: Path,
    sequences: bool,
    pair: bool,
    mistakes: Mistakes,
    left_out: list[Path],
    place: str = "",
) -> list[Input]:
    found: list[Input] = []
    for text in texts:
        with mistakes.collected(place):
            found.extend(find_inputs(text, home, outdir, sequences, left_out))
    # In pairs, one input can be named for several styles.
    return found if pair else each_once(found)


def _styles(
    texts: Iterable[str | Sequence[str]],
    home: Path,
    pair: bool,
    mistakes: Mistakes,
    left_out: list[Path],
    place: str = "",
) -> list[Blend]:
    found: list[Blend] = []
    for text in texts:
        with mistakes.collected(place):
            found.extend(find_styles(text, home, left_out))
    return found if pair else blends.each_once(found)


def _without_styles(inputs: Sequence[Input], styles: Iterable[Blend]) -> list[Input]:
    """Without the style pictures that lie in an input folder; who wants them painted as well names them.

    :raises UsageError: nothing else is there.
    """
    pictures = {style.path.resolve() for blend in styles for style in blend}
    rest = [one for one in inputs if not (one.searched and one.path.resolve() in pictures)]
    if inputs and not rest:
        raise UsageError("The inputs are the style pictures, and nothing else. Name a folder that holds more.")
    return rest


def _matched(inputs: Sequence[Input], styles: Sequence[Blend], pair: bool) -> list[tuple[Input, Sequence[Blend]]]:
    """Each input with the styles that it is painted in."""
    if not pair or len(styles) == 1:
        return [(one, styles) for one in inputs]
    if len(inputs) != len(styles):
        raise UsageError(
            f"In pairs, the first input gets the first style, the second one the second, and so on; but there are "
            f"{len(inputs)} inputs and {len(styles)} styles. Name as many of both, or a single style."
        )
    return [(one, [style]) for one, style in zip(inputs, styles, strict=True)]

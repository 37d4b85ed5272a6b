"""Before the first frame: everything that a batch names is opened, and everything that is wrong is found at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.batch.checked_item import CheckedItem, RejectedItem, Subject, same_input
from pipeline.batch.ledger import Ledger
from pipeline.batch.ledger_rows import ItemRow, OutputRow
from pipeline.batch.perform import engine_of, size_of
from pipeline.batch.plan.item import Item
from pipeline.batch.recover import made_by_earlier_run
from pipeline.clip.engine import read_style
from pipeline.clip.exemplar_files import open_exemplars
from pipeline.clip.identity import painting_identity
from pipeline.clip.loop_closure import check_loop
from pipeline.clip.mask_files import open_clip_masks, still_masks
from pipeline.clip.passes import passes_of
from pipeline.clip.session import open_clip
from pipeline.clip.styles import StylePicture
from pipeline.clip.timeline import open_timeline
from pipeline.errors import OutputError, ReelbrushError, UsageError
from pipeline.media import fingerprint, fit_size, read_picture, refuse_same_file
from pipeline.media.alpha import is_transparent
from pipeline.media.codecs import DEFAULT, choose_encoding
from pipeline.media.pixels import Pictures
from pipeline.media.resize import centre_crop
from pipeline.media.sound import sound_of
from pipeline.network.memory import OUT_OF_MEMORY
from pipeline.settings import Settings


class Preflight:
    """Opens what the items of a batch name, everything once."""

    def __init__(self, ledger: Ledger | None, device: str, overwrite: bool) -> None:
        """
        :param ledger: knows what earlier runs have made, and fingerprints; None for a batch that nothing is known of.
        :param overwrite: whether outputs may be replaced that the batch has not made.
        """
        self._ledger = ledger
        self._device = device
        self._overwrite = overwrite
        self._found: dict[tuple[Any, ...], Any] = {}

    def check(self, item: Item) -> CheckedItem | RejectedItem:
        """Whether an item can be painted."""
        try:
            settings, network = self._once(("way", item.as_settings()), lambda: self._settings_and_digest(item))
            others = (*([] if item.init is None else [item.init]), *(one.path for one in item.exemplar))
            for style in (*item.styles, *item.region_styles, *map(StylePicture, others)):
                self._once(("style", style), partial(_check_readable, style))
            for source in item.files_read:
                refuse_same_file(source, item.outputs)
            subject = self._subject(item, settings)
            passes = 1 if item.still else len(passes_of(settings, subject.frames))
            checked = CheckedItem(item, subject, settings, self._identity(item, settings, network), passes)
            self._check_outputs(checked)
            return checked
        except ReelbrushError as error:
            return RejectedItem(item, str(error))
        except OSError as error:
            return RejectedItem(item, f"{error.filename or item.source}: {error.strerror or error}.")
        except MemoryError:
            return RejectedItem(item, f"{item.source}: {OUT_OF_MEMORY}")

    def _settings_and_digest(self, item: Item) -> tuple[Settings, str]:
        """Settings and digest of the network. The network itself would stay in memory for every set of settings."""
        engine = engine_of(item, self._device)
        return engine.settings, engine.network.digest

    def _once(self, key: tuple[Any, ...], find: Callable[[], Any]) -> Any:
        """What `find` finds, or how it fails: looked for only the first time."""
        if key not in self._found:
            try:
                self._found[key] = find()
            except (ReelbrushError, OSError) as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, Exception):
            raise found
        return found

    def _subject(self, item: Item, settings: Settings) -> Subject:
        if item.still:
            if item.exemplar:
                raise UsageError(
                    f"{item.source}: exemplar is for the frames of a clip, and this is a picture. Leave it out, or say "
                    "with start which picture its painting starts from."
                )
            still = ("still", item.source, settings.size, item.upscale, *item.framing.values(), item.masks)
            found = self._once(still, lambda: _still(item, settings))
        else:
            what = (item.source, settings.size, item.upscale, item.frames, item.fps, item.audio)
            over_time = (item.keyframes, item.region, item.styles, settings) if item.keyframes else ()
            key = ("clip", *what, *item.framing.values(), item.masks, item.exemplar, *over_time)
            found = self._once(key, lambda: _clip(item, settings))
            if settings.loop:
                check_loop(item.source, found.frames, ())
        assert isinstance(found, Subject)
        return found

    def _identity(self, item: Item, settings: Settings, network: str) -> str:
        """What the results of an item depend on, on whatever machine they are painted."""
        job = item.still_job() if item.still else item.clip_job()
        found = painting_identity(job, settings, network, self._digest)
        encoding = {"codec": item.codec, "quality": item.quality, "gif": item.gif is not None}
        # Only what was asked for: what earlier versions have finished is known by the rest.
        beside = {name: getattr(item, name) for name in ("audio", "shortest", "location")}
        asked = {name: value for name, value in beside.items() if value not in ("default", False)}
        return json.dumps({**found, **encoding, **asked, **item.framed, **item.gif_options}, sort_keys=True)

    def _digest(self, path: Path) -> str:
        """As `fingerprint`; that of a file that has not changed is remembered."""
        if path.is_dir() or self._ledger is None:
            return str(self._once(("digest", path), lambda: fingerprint(path)))
        stat = path.stat()
        known = self._ledger.digest(str(path.absolute()), stat.st_size, stat.st_mtime_ns)
        if known is None:
            known = fingerprint(path)
            self._ledger.keep_digest(str(path.absolute()), stat.st_size, stat.st_mtime_ns, known)
        return known

    def _check_outputs(self, checked: CheckedItem) -> None:
        """Whether the results can be written, and replace nothing but what an earlier run has written.

        :raises OutputError: something stands there that this batch has not made.
        :raises UsageError: container, codec, quality and size do not go together.
        """
        item = checked.item
        suffix = item.output.suffix.lower()
        if suffix in DEFAULT:
            pictures = replace(checked.subject.pictures, size=checked.written, depth=item.depth)
            choose_encoding(suffix, item.codec, item.quality, pictures)
        row = None if self._ledger is None else self._ledger.item(item.name)
        for path in item.outputs:
            if not path.exists() or self._overwrite:
                continue
            noted = None if row is None else self._noted(path, row)
            if row is not None and noted is not None and _of_another(noted, row, checked):
                raise OutputError(
                    f"{path}: this is a painting of {noted.source}, and {item.source} would take its place. Choose "
                    "another output folder, or replace it with --overwrite."
                )
            if noted is None and not (row is not None and made_by_earlier_run(row, path, checked)):
                raise OutputError(
                    f"{path}: this exists already, and is not what this batch has made. Move it away, or replace it "
                    "with --overwrite."
                )

    def _noted(self, path: Path, row: ItemRow) -> OutputRow | None:
        """What is noted of a file that is there as it was when it was finished, by whatever settings; else None."""
        if not path.exists():
            return None
        same = (one for one in row.outputs if one.path == path and one.size == size_of(path))
        return next((one for one in same if one.digest == self._digest(path)), None)

    def finished(self, checked: CheckedItem, row: ItemRow) -> bool:
        """Whether all results of a painting are there, as they were when they were finished, and nothing that they
        depend on has changed since.

        :param row: what the ledger knows of it.
        """
        # One whose input was gone for a while has failed since, and is still finished.
        if row.identity != checked.identity or not row.made:
            return False
        return all(self._noted(path, row) is not None for path in checked.item.outputs)


def _of_another(noted: OutputRow, row: ItemRow, checked: CheckedItem) -> bool:
    """Whether a result is a painting of another file that is called alike, not of one that has changed or was moved."""
    source = checked.item.source
    moved = noted.source is not None and noted.source.resolve() != source.resolve()
    return moved and not same_input(row.identity, checked.identity)


def _check_readable(style: StylePicture) -> None:
    # The picture itself would stay in memory for the whole batch.
    read_style(style)


def _still(item: Item, settings: Settings) -> Subject:
    image = read_picture(item.source)
    box = centre_crop(image.shape[1], image.shape[0], item.crop)
    kept: tuple[int, int] = box[2:] if box else (image.shape[1], image.shape[0])
    painted = fit_size(*kept, settings.size or None, item.upscale)
    still_masks(item, item.crop, image, painted)
    return Subject(*painted, 1, kept=kept)


def _clip(item: Item, settings: Settings) -> Subject:
    job = item.clip_job()
    source = open_clip(job, settings.size)
    info = source.info
    sound_of(info, item.audio)  # that there is such a track
    open_clip_masks(job, info)
    open_exemplars(job, info)
    timeline = open_timeline(job, settings, info)
    pictures = Pictures(
        alpha=item.keeps_alpha and is_transparent(source),
        deep=info.bits > 8,
        hdr=info.hdr if item.keeps_hdr else "",
    )
    parts = () if timeline is None else timeline.known_parts(info.frames)
    return Subject(info.width, info.height, info.frames, info.part, info.kept, pictures, parts)

"""All that the studio is at a time, whichever pages look at it: the wish, its painting, the jobs, what was uploaded."""

from __future__ import annotations

import shlex
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.batch.plan.item import with_paths
from pipeline.clip.engine import read_style
from pipeline.clip.regions import Regions
from pipeline.clip.styles import StylePicture
from pipeline.errors import UsageError
from pipeline.file_kind import no_file
from pipeline.media import open_source, read_picture
from pipeline.studio.clip_player import STAGES, ClipPlayer
from pipeline.studio.drawing import Layer, drawn_regions, keep, kept_regions, layer_masks
from pipeline.studio.job_runner import JobRunner
from pipeline.studio.live_painter import LivePainter, PaintsDrafts, View
from pipeline.studio.wish import Wish, for_people, job_words, paints_picture, suggested_output
from pipeline.text import number_text

SECONDS = 2
"""Of a clip that are played as a draft."""
SHOWN = (".mp4", ".webm", ".gif", ".png", ".jpg", ".jpeg", ".webp")
"""Endings of results that browsers show."""
LARGEST = 2**28
"""Bytes of a result that a page shows, at most: it is copied for that."""


class Studio:
    """The state that all pages share. Any thread may call it."""

    def __init__(
        self, wish: Wish, folder: Path, drafts: Callable[[], PaintsDrafts], written: Sequence[str] = ()
    ) -> None:
        """
        :param wish: what the studio opens with.
        :param folder: of the session, for what is uploaded and for drafts; removed at its end by whoever made it.
        :param drafts: opens what paints.
        :param written: options that the page does not show, as they were typed.
        """
        self.uploads = folder / "uploads"
        self._folder = folder
        self._written = tuple(written)
        self._lock = threading.RLock()
        self._wish = wish
        self._number = 0
        self.changed_at = 0.0
        """When that was, as `time.monotonic` counts."""
        self._output = "" if wish.source is None else str(suggested_output(wish.source))
        self._replaces = False
        self._plays = self._jobs = 0
        self._result: tuple[int, Path | None] = (0, None)
        self._layers: dict[int, Layer] = {}
        self._drawn = (0, "")
        self._drawings: dict[tuple[int, Any], str] = {}
        """What has ever been drawn over each frame, and on which page first."""
        self._styles = dict.fromkeys(wish.styles, True)
        self.live = LivePainter(drafts)
        self.job, self.clip = JobRunner(), ClipPlayer()
        self.live.ask(wish)

    def check(self) -> None:
        """See that what the studio opens with can be read.

        :raises MediaError, UsageError: it cannot.
        """
        if self._wish.source is not None:
            _check_input(self._wish.source)
        for style in self._wish.styles:
            read_style(style)

    def close(self) -> None:
        """End everything that is at work. A job goes on from there when it is started again."""
        for one in (self.job, self.clip):
            one.stop()
        for closing in (self.live, self.job, self.clip):
            closing.close()

    @property
    def wish(self) -> Wish:
        return self._wish

    @property
    def number(self) -> int:
        """Grows with every change of what a page lets one choose."""
        return self._number

    @property
    def view(self) -> View:
        return self.live.view()

    @property
    def output(self) -> str:
        """Where the result goes, as it was typed."""
        return self._output

    @property
    def replaces(self) -> bool:
        """Whether a result that stands there already is replaced."""
        return self._replaces

    @property
    def styles(self) -> dict[StylePicture, bool]:
        """All paintings that are at hand, and which of them are used."""
        return dict(self._styles)

    @property
    def drawn(self) -> tuple[int, str]:
        """Grows with every change of what is drawn; and which page has made the last one."""
        return self._drawn

    def layer(self, place: int) -> Layer | None:
        """What is drawn over one of the frames that stand for the clip, or over the picture."""
        return self._layers.get(place)

    def change(self, **news: Any) -> None:
        """Change fields of the wish; what is painted begins anew.

        :raises SettingsError: the settings are not possible; nothing is changed then.
        """
        with self._lock:
            wish = replace(self._wish, **news)
            # Refused here rather than in the thread that paints.
            _ = wish.settings
            if replace(wish, frame=0) != replace(self._wish, frame=0):
                self.clip.drop()
            self._wish = wish
            self._count()
            self.live.ask(wish)

    def save_as(self, output: str, replaces: bool) -> None:
        """Say where the result goes, and whether it may replace one."""
        with self._lock:
            self._output, self._replaces = output.strip(), replaces
            self._count()

    def open_input(self, path: Path) -> None:
        """Take another input.

        :raises MediaError, UsageError: it cannot be read, or is not there; nothing is changed then.
        """
        _check_input(path)
        with self._lock:
            self._output = str(suggested_output(path))
            self._layers, self._drawings = {}, {}
            self._drawn = (self._drawn[0] + 1, "")
            self.change(source=path, frame=0, regions=Regions())

    def add_styles(self, paths: Sequence[Path]) -> None:
        """Take more paintings, and use those instead of what was used before.

        :raises MediaError: one cannot be read; nothing is changed then.
        """
        for path in paths:
            read_picture(path)
        with self._lock:
            new = dict.fromkeys(map(StylePicture, paths), True)
            self._styles = {**dict.fromkeys(self._styles, False), **new}
            self._use()

    def draw(self, place: int, layer: Layer | None, page: str = "") -> None:
        """Say what belongs to which region in a frame: in it the masks are as they are drawn, in others of a clip they
        follow the motion.

        :param place: of the frame among those that stand for the clip.
        :param layer: in the colours of `drawing`; None: nothing.
        :param page: which one it was drawn on.
        :raises OSError: a mask cannot be written.
        """
        with self._lock:
            subject = self.view.subject
            if subject is None or subject.source != self._wish.source:
                return
            masks = {} if layer is None else layer_masks(layer)
            # A page that is given what was drawn on another one says it again, perhaps when there is more by now; one
            # that has just been opened says that there is nothing.
            drawing = place, tuple((name, mask.tobytes()) for name, mask in masks.items())
            drew = any(one == page and at == place for (at, _), one in self._drawings.items())
            echo = self._drawings.setdefault(drawing, page) != page if masks else not drew
            if layer is not None and echo:
                return
            layers = {key: value for key, value in self._layers.items() if key != place}
            if layer is not None and masks:
                layers[place] = layer
            numbered = {None if subject.still else subject.numbers[key]: value for key, value in layers.items()}
            regions = drawn_regions(numbered, tuple(self._styles), self._folder / "masks")
            self._layers = layers
            if regions != self._wish.regions:
                self._drawn = (self._drawn[0] + 1, page)
                self.change(regions=regions)

    def clear_drawing(self, page: str = "") -> None:
        """Nothing is drawn any more, over no frame.

        :param page: which one shows that already.
        """
        with self._lock:
            self._layers = {}
            self._drawn = (self._drawn[0] + 1, page)
            self.change(regions=Regions())

    def use_styles(self, numbers: Sequence[int]) -> None:
        """Use these of the paintings, by their places; they blend."""
        with self._lock:
            self._styles = {one: place in numbers for place, one in enumerate(self._styles)}
            self._use()

    def _count(self) -> None:
        self._number, self.changed_at = self._number + 1, time.monotonic()

    def _use(self) -> None:
        self.change(styles=tuple(one for one, used in self._styles.items() if used))

    def command(self) -> str:
        """What paints it all, ready for a shell; '' while there is too little for that."""
        with self._lock:
            if not self._wish.complete or not self._output:
                return ""
            output = Path(self._output).expanduser()
            wish, _ = self._kept(output)
            wish = with_paths(wish, lambda path: for_people(path, self.uploads))
            return shlex.join([*job_words(wish, for_people(output, self.uploads), self._written), *self._overwriting()])

    def keep_masks(self) -> None:
        """Put what was drawn where the command looks for it: beside the result.

        :raises OSError: that cannot be written.
        """
        if self._output:
            keep(self._kept(Path(self._output).expanduser())[1])

    def _kept(self, output: Path) -> tuple[Wish, dict[Path, Path]]:
        regions, moved = kept_regions(self._wish.regions, output)
        return replace(self._wish, regions=regions), moved

    def paint_all(self) -> None:
        """Start the job.

        :raises UsageError: there is too little to start, or another one is at work.
        """
        with self._lock:
            wish = self._checked()
            output = Path(self._output).expanduser()
            # In the terminal Reelbrush asks for what it should be; an empty field would name the folder itself.
            if not self._output or output.name in ("", ".."):
                raise UsageError("Say where the result goes: a file name under 'Save as'.")
            if not output.parent.is_dir():
                raise UsageError(f"{output.parent}: there is no such folder. Make it, or name another one.")
            self.live.rest()
            self.clip.stop()
            self.keep_masks()
            self._jobs += 1
            wish, _ = self._kept(output)
            self.job.start([*job_words(wish, output, self._written), *self._overwriting()], output)

    def result(self) -> Path | None:
        """What the last job has painted, copied into the folder of the session; None: nothing that a browser shows."""
        with self._lock:
            job = self.job.state()
            if job.state != "done" or job.output is None:
                return None
            if self._result[0] != self._jobs:
                self._result = self._jobs, self._copied(job.output)
            return self._result[1]

    def _copied(self, output: Path) -> Path | None:
        found = self._folder / f"result-{self._jobs}{output.suffix.lower()}"
        try:
            if output.suffix.lower() not in SHOWN or output.stat().st_size > LARGEST:
                return None
            shutil.copyfile(output, found)
        except OSError:
            # Somebody has moved it, or the disk is full: it is only not shown.
            return None
        return found

    def play(self) -> None:
        """Paint a few seconds of the clip small, and then larger, from the frame that is looked at.

        :raises UsageError: as for `paint_all`, or the input is a picture.
        """
        with self._lock:
            wish, subject = self._checked(), self.view.subject
            if subject is None or subject.still:
                raise UsageError("There is no clip to play. Wait until it is read, or open one.")
            at = subject.times[min(wish.frame, len(subject.times) - 1)]
            begin = max(0.0, min(at, subject.duration - SECONDS))
            span = f"{number_text(round(begin, 3))}s:{number_text(round(begin + SECONDS, 3))}s"
            self._plays += 1
            jobs = []
            for stage in STAGES:
                output = self._folder / f"clip-{self._plays}-{stage.size}.mp4"
                steps = ("--steps", str(min(wish.settings.steps, stage.steps)))
                words = job_words(replace(wish, size=None), output, self._written)
                jobs.append((f"At {stage.size} pixels", [*words, *stage.words, *steps, "--frames", span], output))
            self.live.rest()
            self.clip.start(jobs)

    def _checked(self) -> Wish:
        if self._wish.source is None:
            raise UsageError("There is nothing to paint yet. Open a clip or a picture.")
        if not self._wish.styles:
            raise UsageError("There is no painting yet. Add one, or tick one of those that are there.")
        return self._wish

    def _overwriting(self) -> list[str]:
        return ["--overwrite"] if self._replaces else []


def _check_input(path: Path) -> None:
    """:raises MediaError, UsageError: it cannot be read, or is not there."""
    if not path.exists():
        raise UsageError(no_file(path, "file or folder"))
    if paints_picture(path):
        read_picture(path)
    else:
        open_source(path)

"""Open a place for frames: a video, a GIF or a folder of pictures, encoded in the background."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from pipeline.errors import OutputError, UsageError
from pipeline.media.animation_sink import SUFFIXES as PICTURES
from pipeline.media.animation_sink import AnimationWriter, check_options
from pipeline.media.codecs import DEFAULT, choose_encoding
from pipeline.media.folder_sink import FolderWriter, check_output_folder
from pipeline.media.frame import Frame
from pipeline.media.gif_sink import GifWriter, gif_palette
from pipeline.media.limited_gif import LimitedGifWriter
from pipeline.media.outputs import check_folder, check_output, refuse_existing
from pipeline.media.pixels import Pictures
from pipeline.media.plan import SinkPlan, Writer
from pipeline.media.video_sink import VideoWriter
from pipeline.types import DeepImage, Image, OnCount, deepened, shallow

DEPTH = 4
"""Frames that may wait for the encoder; then `put` waits too."""

SUFFIXES = (*DEFAULT, ".gif")
"""Endings of files that can be written; anything without an ending is a folder."""

CLIPS = (*SUFFIXES, ".webp", ".apng")
"""Endings of files that a clip can be written as. That of .png is a mistake more often than an animation."""

ANIMATIONS = (*SUFFIXES, *PICTURES)
"""Endings of files that can be written where only an animation can be meant: elsewhere .png and .webp are stills."""


def open_sink(plan: SinkPlan) -> Sink:
    """Make ready to write a clip; everything that can be refused is refused here, before anything is painted.

    :raises UsageError: container, codec, quality and size do not go together; the message lists what does.
    :raises OutputError: it exists already, or nothing can be written there.
    """
    path, suffix = plan.path, plan.path.suffix.lower()
    as_folder = plan.as_folder or is_folder(path)
    if not as_folder:
        _check_ending(path, ANIMATIONS if plan.animation else CLIPS)
    if not plan.times or plan.duration <= plan.times[-1] or plan.width < 1 or plan.height < 1:
        raise UsageError(f"{path}: a clip needs at least one frame of at least one pixel that is shown for a while.")
    if not plan.variable and any(time != index / plan.rate for index, time in enumerate(plan.times)):
        plan = replace(plan, variable=True)  # the caller's times count
    if as_folder:
        _refuse_options(path, plan.codec, plan.quality)
        check_output_folder(path, plan.overwrite)
        return Sink(plan, FolderWriter(plan), deep=plan.depth == 16)
    check_output(path)
    refuse_existing(path, plan.overwrite)
    if plan.work is not None:
        check_folder(plan.work)
    _check_codec(path, plan.codec)
    if plan.max_bytes is not None:
        if suffix != ".gif":
            raise UsageError(f"{path}: only a GIF can be made to fit into so many bytes. Leave --max-bytes out.")
        return Sink(plan, LimitedGifWriter(plan))
    if suffix == ".gif":
        return Sink(plan, GifWriter(plan, plan.palette or gif_palette(plan.quality)))
    if suffix in PICTURES:
        return Sink(plan, AnimationWriter(plan))
    if plan.palette is not None:
        raise UsageError(f"{path}: a video has no palette. Leave it out, or choose a name that ends in .gif.")
    encoding = choose_encoding(suffix, plan.codec, plan.quality, plan.pictures)
    return Sink(plan, VideoWriter(plan, encoding), deep=encoding.wide)


def check_encoding(path: Path, codec: str | None, quality: str | int | None, depth: int | None) -> None:
    """See that a painted clip can be written under a name in such a way, as far as its size does not count.

    :raises UsageError: container, codec and quality do not go together; the message lists what does.
    """
    if is_folder(path):
        _refuse_options(path, codec, quality)
        _check_depth(path, depth, (None, 8, 16))
        return
    suffix = path.suffix.lower()
    _check_ending(path, CLIPS)
    _check_codec(path, codec)
    if suffix == ".gif":
        gif_palette(quality)
        _check_depth(path, depth)
    elif suffix in PICTURES:
        check_options(path, quality)
        _check_depth(path, depth)
    else:
        choose_encoding(suffix, codec, quality, Pictures(depth=depth))


def is_folder(path: Path) -> bool:
    """Whether a clip of that name is a folder of numbered pictures."""
    return path.is_dir() or not path.suffix


def _check_ending(path: Path, known: Sequence[str]) -> None:
    suffix = path.suffix.lower()
    if suffix not in known:
        raise UsageError(
            f"{path}: a clip cannot be written as {suffix}. Choose a name that ends in {', '.join(known)}, or a "
            "folder (one that exists, or a name without an ending) for numbered pictures."
        )


def _check_depth(path: Path, depth: int | None, possible: Sequence[int | None] = (None, 8)) -> None:
    if depth not in possible:
        where = "a folder of pictures" if depth == 16 else "a video"
        raise UsageError(f"{path}: only {where} can have {depth} bits a channel. Leave --depth out.")


def _check_codec(path: Path, codec: str | None) -> None:
    suffix = path.suffix.lower()
    if suffix in (".gif", *PICTURES) and codec not in (None, suffix[1:]):
        kind = "a GIF" if suffix == ".gif" else "an animated picture"
        raise UsageError(f"{path}: {kind} has no codec {codec!r}. Leave the codec out, or choose another ending.")


def _refuse_options(path: Path, codec: str | None, quality: str | int | None) -> None:
    if codec is not None or quality not in (None, "lossless", "visual"):
        raise UsageError(f"{path}: a folder of PNG pictures has no codec and no quality. Leave these options out.")


class Sink:
    """A `FrameSink`: takes frames, encodes them in a thread behind a short queue. Made by `open_sink`."""

    def __init__(self, plan: SinkPlan, writer: Writer, deep: bool = False) -> None:
        """
        :param deep: whether the writer takes 16 bits a channel.
        """
        self._plan = plan
        self._deep = deep
        self._writer = writer
        self._reframing = plan.reframing
        self._expected = len(plan.times) if plan.reframing is None else plan.reframing.frames
        self._size = (plan.width, plan.height) if plan.reframing is None else plan.reframing.layout.painted
        self._taken = 0
        self._waiting: queue.Queue[Image | DeepImage | None] = queue.Queue(maxsize=DEPTH)
        self._error: BaseException | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._completed = False
        self._closed = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Things a person should know of the result, a sentence each; complete after `finish`."""
        return tuple(self._writer.notes)

    def put(self, frame: Frame) -> None:
        """Take the next frame; waits while the encoder is behind.

        :raises OutputError: encoding an earlier frame failed: the disk is full, ffmpeg was ended.
        :raises ValueError: the frame is out of order, one too many, or of another size.
        """
        self._raise_error()
        if self._closed:
            raise ValueError(f"{self._plan.path} is finished and takes no more frames")
        if frame.index != self._taken or frame.index >= self._expected:
            raise ValueError(f"frame {frame.index} came where {self._taken} of {self._expected} was due")
        if frame.image.shape != (self._size[1], self._size[0], 3):
            raise ValueError(f"frame {frame.index} has shape {frame.image.shape}, not that of the plan")
        if self._thread is None:
            thread = threading.Thread(target=self._encode, name="encode", daemon=True)
            thread.start()
            # Not before: a signal may break off the start, and what has not started cannot be joined.
            self._thread = thread
        # Once an error has happened the thread throws frames away, so this never waits for ever.
        self._waiting.put(frame.image if frame.deep is None or not self._deep else frame.deep)
        self._taken += 1

    def complete(self) -> None:
        """Complete the result and check it (frames, times, sound). It has no name before `finish`.

        :raises OutputError: it could not be completed, or is not what it should be; nothing is left of it then.
        """
        if self._closed or self._completed:
            self._raise_error()
            return
        try:
            if self._taken != self._expected:
                raise OutputError(
                    f"{self._plan.path}: only {self._taken} of {self._expected} frames were handed over; an "
                    "incomplete clip is not written."
                )
            self._join()
            self._raise_error()
            self._writer.complete()
        except BaseException:
            self.abort()
            raise
        self._completed = True

    def finish(self) -> None:
        """Give the result its name, once it is complete and checked as by `complete`.

        :raises OutputError: as `complete`, or it cannot have its name.
        """
        if self._closed:
            self._raise_error()
            return
        self.complete()
        try:
            self._writer.publish()
        except BaseException:
            self.abort()
            raise
        self._closed = True
        self._discard()

    def abort(self) -> None:
        """Stop and remove the unfinished part; after `finish`, or when called again, this does nothing."""
        if self._closed:
            return
        self._closed = True
        self._stopping.set()
        self._writer.interrupt()
        self._join()
        self._discard()

    def _discard(self) -> None:
        if self._reframing is not None:
            self._reframing.close()
        self._writer.discard()

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def _encode(self) -> None:
        position = index = 0
        while (image := self._waiting.get()) is not None:
            if self._error is not None or self._stopping.is_set():
                continue
            try:
                for one in self._written(index, image):
                    self._writer.write(one, position)
                    position += 1
            except BaseException as error:  # handed over, raised by the next put or finish
                self._error = error
            index += 1

    def _written(self, index: int, image: Image | DeepImage) -> Sequence[Image | DeepImage]:
        """What is written of a frame that was put in."""
        if self._deep:
            deep = deepened(image)
            return [deep] if self._reframing is None else self._reframing.frames_of(index, deep)
        flat = shallow(image)
        return [flat] if self._reframing is None else self._reframing.frames_of(index, flat)

    def _join(self) -> None:
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


def write_frames(
    plan: SinkPlan, images: Iterable[Image], on_count: OnCount = lambda stage, done, of: None, stage: str = ""
) -> tuple[str, ...]:
    """Write an animation frame by frame.

    :param images: as many as the plan has times, uint8 (H, W, 3).
    :param stage: what `on_count` is told while frames are put in.
    :return: what a person should know of the file, a sentence each.
    :raises OutputError: it cannot be written; nothing is left of it then.
    """
    with open_sink(plan) as sink:
        for index, (time, image) in enumerate(zip(plan.times, images, strict=True)):
            sink.put(Frame(index, time, image))
            on_count(stage, index + 1, len(plan.times))
        on_count("Encoding", 0, None)
        sink.finish()
    return sink.notes

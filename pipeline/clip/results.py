"""What came of a job: the painting, how it came about, and how a notebook shows it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.clip.provenance import Record
from pipeline.media import open_source
from pipeline.media.frame import Frame
from pipeline.media.in_memory import PilImage, to_pil, to_png
from pipeline.style.frame import PaintedFrame
from pipeline.text import count_text, duration_text
from pipeline.types import Image


class _Picture:
    """What has an `image`, as Pillow and notebooks want it."""

    image: Image

    @property
    def pil(self) -> PilImage:
        """The picture as an image of Pillow's, mode RGB."""
        return to_pil(self.image)

    def _repr_png_(self) -> bytes:
        # Asked for by IPython: the last line of a cell is seen as a picture.
        return to_png(self.image)


@dataclass(frozen=True, repr=False)
class StillResult(_Picture):
    """A painted picture."""

    image: Image
    """uint8 (H, W, 3) RGB, or (H, W, 4) where it keeps transparency: as it is written. With an output size, it is of
    another size than the painting."""
    content: Image
    """What was painted from, at the size at which it was painted, as `painted.image` is."""
    painted: PaintedFrame
    output: Path | None
    record: Record

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        written = "" if self.output is None else f", {self.output}"
        return (
            f"<{type(self).__name__} {width}x{height}, {count_text(self.painted.steps, 'step')} in "
            f"{duration_text(self.painted.seconds)}, loss {self.painted.losses['total']:.3g}{written}>"
        )


@dataclass(frozen=True, repr=False)
class ClipResult(_Picture):
    """A painted clip; its frames are in `outputs`, not in memory."""

    outputs: tuple[Path, ...]
    frames: int
    painted: int
    """Frames painted by this run, in several passes each one counted; the others were finished by an earlier one, or
    before a damaged frame was found."""
    seconds: float
    notes: tuple[str, ...]
    passes: int
    """That there was time for."""

    def images(self, start: int = 0) -> Generator[Frame, None, None]:
        """The frames from number `start` on, decoded from the first output: as they were encoded.

        :raises MediaError: the output is gone.
        """
        yield from open_source(self.outputs[0]).frames(start)

    @property
    def image(self) -> Image:  # type: ignore[override]
        """The frame in the middle, uint8 (H, W, 3) RGB, decoded from the first output."""
        with closing(self.images(self.frames // 2)) as frames:
            return next(frames).image

    def __repr__(self) -> str:
        outputs = ", ".join(map(str, self.outputs))
        return f"<{type(self).__name__} {count_text(self.frames, 'frame')} in {duration_text(self.seconds)}, {outputs}>"

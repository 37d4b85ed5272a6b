"""Write a GIF that takes no more than so many bytes: its frames wait on the disk, without loss, until it fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import compress
from pathlib import Path

from pipeline.atomic import remove
from pipeline.media.encoding_ladder import Encoding, encoding_ladder
from pipeline.media.gif_sink import GifWriter
from pipeline.media.ivf import IvfFile, ivf_images
from pipeline.media.outputs import cannot_write, part_path, publish
from pipeline.media.palette import Palette
from pipeline.media.plan import SinkPlan
from pipeline.media.resize import resize
from pipeline.media.size_limit import Encoded, is_possible, trials_folder, write_within_limit
from pipeline.types import DeepImage, Image, shallow


class LimitedGifWriter:
    """A `Writer` for .gif with a limit on its bytes."""

    def __init__(self, plan: SinkPlan) -> None:
        self._plan = plan
        self._part = part_path(plan.path)
        self._frames = IvfFile(part_path(plan.path, "all.part").with_suffix(".ivf"), plan)
        self.notes = list(GifWriter(plan, Palette()).notes)

    def write(self, image: Image | DeepImage, position: int) -> None:
        """Raises an OutputError where the disk is full."""
        image = shallow(image)
        self._frames.write(image, position)

    def complete(self) -> None:
        """Raises a UsageError where it does not fit whatever is done, an OutputError where it cannot be written."""
        self._frames.close()
        animation = _KeptFrames(self._plan, lambda: ivf_images(self._frames.path))
        found = write_within_limit(self._plan.path, animation, self._plan.max_bytes, part=self._part)
        self.notes += [note for note in found.notes if note not in self.notes]

    def publish(self) -> None:
        publish(self._part, self._plan.path)

    def interrupt(self) -> None:
        pass

    def discard(self) -> None:
        self._frames.discard()
        for path in (self._part, trials_folder(self._plan.path)):
            remove(path)


def least_bytes(plan: SinkPlan, images: Callable[[], Iterator[Image]]) -> int:
    """What the smallest GIF of some frames takes: of those that are to be painted, before any is.

    :param plan: of the GIF.
    :param images: its frames, at any size of their proportions.
    :raises OutputError: it cannot be written.
    """
    folder = trials_folder(plan.path)
    animation = _KeptFrames(plan, images)
    least = [encoding for encoding in encoding_ladder(".gif") if is_possible(animation, encoding)][-1]
    try:
        folder.mkdir(exist_ok=True)
        animation.encode(folder / "least.gif", least)
        return (folder / "least.gif").stat().st_size
    except OSError as error:
        raise cannot_write(plan.path, error) from error
    finally:
        remove(folder)


class _KeptFrames:
    """The frames of a clip as an `Animation`."""

    kind = "GIF"
    advice = "fewer pixels or frames a second (--gif-size, --gif-fps); what is painted is kept for that."

    def __init__(self, plan: SinkPlan, images: Callable[[], Iterator[Image]]) -> None:
        self._plan = plan
        self._images = images

    def size(self, encoding: Encoding) -> tuple[int, int]:
        return max(self._sides(encoding)), sum(self._picks(encoding))

    def encode(self, path: Path, encoding: Encoding) -> Encoded:
        width, height = self._sides(encoding)
        picks = self._picks(encoding)
        times = tuple(compress(self._plan.times, picks))
        variable = self._plan.variable or len(times) < len(self._plan.times)
        rate = Fraction(len(times)) / self._plan.duration
        plan = replace(
            self._plan, path=path, width=width, height=height, times=times, variable=variable, rate=rate,
            reframing=None, max_bytes=None, overwrite=True,
        )  # fmt: skip
        writer = GifWriter(plan, encoding.palette or Palette())
        try:
            for position, image in enumerate(compress(self._images(), picks)):
                writer.write(resize(image, width, height), position)
            writer.complete()
            writer.publish()
        finally:
            writer.discard()
        return Encoded(width, height, len(times), tuple(writer.notes))

    def _sides(self, encoding: Encoding) -> tuple[int, int]:
        width, height = (max(1, round(side * encoding.scale)) for side in (self._plan.width, self._plan.height))
        return width, height

    def _picks(self, encoding: Encoding) -> list[bool]:
        """Of every frame whether it stays: as many as the encoding says, spread evenly, the first one among them."""
        share, frames = encoding.share, len(self._plan.times)
        return [number == 0 or int(number * share) > int((number - 1) * share) for number in range(frames)]

"""Frames that wait on the disk, without loss, until those that came after them have been taken."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from pipeline.media.frame import Frame
from pipeline.media.frame_file import decode_png, encode_fast
from pipeline.media.outputs import cannot_write
from pipeline.types import Image, deep_only, shallow

_NOTHING: Image = np.zeros((0, 0, 3), np.uint8)


class FrameSpool:
    """A pile of frames in a file without a name: however the process ends, nothing of it stays."""

    def __init__(self, folder: Path | None = None) -> None:
        """
        :param folder: on whose disk there is room; None: where the system keeps such files.
        :raises OutputError: nothing may be written there.
        """
        self._folder = Path(tempfile.gettempdir()) if folder is None else folder
        try:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        self._frames: list[tuple[Frame, int]] = []
        """Without their pictures, and where these begin."""

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: Frame) -> None:
        """Lay one upon the others.

        :raises OutputError: the disk is full, or the picture is too large for it.
        """
        data = encode_fast(self._folder, frame.exact)
        try:
            begin = self._file.tell()
            self._file.write(data)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        self._frames.append((replace(frame, image=_NOTHING, deep=None), begin))

    def pop(self) -> Frame:
        """Take the one on top. Its room on the disk is free then.

        :raises OutputError: the disk is full: it showed only now.
        :raises IndexError: there is none.
        """
        frame, begin = self._frames.pop()
        try:
            self._file.seek(begin)
            data = self._file.read()
            self._file.seek(begin)
            self._file.truncate()
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        exact = decode_png(self._folder, np.frombuffer(data, np.uint8))
        return replace(frame, image=shallow(exact), deep=deep_only(exact))

    def __enter__(self) -> FrameSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

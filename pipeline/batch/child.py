"""`python -m pipeline.batch.child`: a worker that is given its tasks on stdin and reports on stdout what happens.

A Dask worker may be of the kind of process that `multiprocessing` allows no children.
"""

from __future__ import annotations

import os
import pickle
import time
from typing import IO, Any

from pipeline.batch.remote import HEADER
from pipeline.batch.task import TaskEvent
from pipeline.batch.worker import serve
from pipeline.clip.events import Scanned, Stepped

STEP_SECONDS = 1.0
"""Seconds between two messages of the kinds that come with every step, at least."""


class PipeChannel:
    """Pickled messages over two pipes, as `Channel`."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._sent: dict[type, float] = {}
        """When something was last sent that comes often, by its type."""

    def send(self, message: Any, /) -> None:
        """Write a message; of those that come with every step, about one a second."""
        is_event = isinstance(message, TaskEvent)
        if is_event and isinstance(message.event, (Stepped, Scanned)):
            now, kind = time.monotonic(), type(message.event)
            if now - self._sent.get(kind, 0.0) < STEP_SECONDS:
                return
            self._sent[kind] = now
        data = pickle.dumps(message)
        self._outgoing.write(HEADER.pack(not is_event, len(data)) + data)
        self._outgoing.flush()

    def recv(self) -> Any:
        """The next message.

        :raises EOFError: the other end is closed.
        """
        return pickle.loads(self._exactly(HEADER.unpack(self._exactly(HEADER.size))[1]))

    def _exactly(self, size: int) -> bytes:
        data = self._incoming.read(size)
        if len(data) < size:
            raise EOFError
        return data


def main() -> None:
    """Work until stdin is closed."""
    channel = PipeChannel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    # What a library prints must not get in between, and nobody else may read what is ours.
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    serve(channel, channel.recv())


if __name__ == "__main__":
    main()

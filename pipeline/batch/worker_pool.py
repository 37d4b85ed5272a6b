"""Who works on the tasks of a batch: the same for workers on this machine and on others."""

from __future__ import annotations

from typing import Protocol

from pipeline.batch.task import Message, Task


class WorkerPool(Protocol):
    """Workers, each with one task at a time."""

    @property
    def size(self) -> int:
        """How many tasks are worked on at the same time, at most."""
        ...

    @property
    def free(self) -> int:
        """How many more can be given now."""
        ...

    def assign(self, task: Task) -> None:
        """Have a free worker begin a task. Its last message is `Done`, `Failed`, `Stopped` or `Lost`."""
        ...

    def receive(self, seconds: float) -> list[Message]:
        """What the workers have said since the last time, in order; waits so long for the first of it."""
        ...

    def stop(self) -> None:
        """Ask all workers to give up after the step they are at. `receive` tells when they have."""
        ...

    def close(self) -> None:
        """End every worker at once. What is finished is kept."""
        ...

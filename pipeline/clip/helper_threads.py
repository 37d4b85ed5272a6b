"""Threads for what can be done beside something else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from pipeline.network.memory import is_out_of_memory

P = ParamSpec("P")
Result = TypeVar("Result")


class HelperThreads(ThreadPoolExecutor):
    """Threads that take work over. Where there is no room for one, the work is done at once by whoever hands it over.

    At the end of a `with` block what has not begun is dropped, and what has is waited for.
    """

    def submit(self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Future[Result]:
        """Have some work done: its result, or its error, comes with what is returned."""
        given_up = False

        def work() -> Result | None:
            # It is in the queue already when the thread for it turns out to be one too many.
            return None if given_up else fn(*args, **kwargs)

        try:
            return super().submit(work)  # type: ignore[arg-type]
        except RuntimeError as error:
            # Python's word for a thread that could not be started; what the work raises comes with its result.
            if not is_out_of_memory(error):
                raise
        given_up = True
        done: Future[Result] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done

    def __exit__(self, *ended: object) -> None:
        self.shutdown(wait=True, cancel_futures=True)

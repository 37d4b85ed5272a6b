"""The scheduler of a Dask cluster: connected, asked, lost, connected again."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from contextlib import suppress
from threading import Thread
from typing import Any

from pipeline import __version__
from pipeline.batch import remote
from pipeline.errors import ClusterError, UsageError

CONNECT_SECONDS = 8.0
"""Seconds in which a scheduler has to answer."""
TCP_SECONDS = 2.0
"""Seconds in which its machine has to take a connection."""
ANSWER_SECONDS = 5.0
"""Seconds in which a question is answered; later it is asked again."""
RETURN_SECONDS = 300.0
"""Seconds to wait for a scheduler that was there and is not."""
GPU = "GPU"
"""The resource that workers with a GPU may be labelled with."""


class Scheduler:
    """The connection to it."""

    def __init__(self, address: str, topic: str, on_event: Callable[[Any], None]) -> None:
        """
        :param address: such as tcp://HOST:8786; of tls:// the certificates are those of Dask's own configuration.
        :param topic: of the events that are subscribed to.
        :param on_event: is called with each of them, in another thread.
        :raises UsageError: that is no address.
        :raises ClusterError: no scheduler answers there, it has another Reelbrush, or Dask is not installed.
        """
        self.address = address
        self._topic = topic
        self._on_event = on_event
        self._lost_at = 0.0
        self._client: Any = _connected(address)
        try:
            _check_version(self._client, address)
            self._subscribe()
        except BaseException:
            self.close()
            raise

    def _subscribe(self) -> None:
        self._client.subscribe_topic(self._topic, lambda event: self._on_event(event[1]))

    @property
    def connected(self) -> bool:
        """Whether it is connected."""
        return self._client is not None and self._client.status == "running"

    @property
    def lost(self) -> bool:
        """Whether the connection was given up, and `reconnect` is to find it again."""
        return self._client is None

    def workers(self) -> Mapping[str, Mapping[str, Any]] | None:
        """What it knows of its workers, by address; None: it has no time for an answer.

        :raises OSError: it is gone.
        """
        try:
            found = self._client.sync(self._client.scheduler.identity, callback_timeout=ANSWER_SECONDS)["workers"]
        except (TimeoutError, asyncio.TimeoutError):
            return None
        assert isinstance(found, Mapping)
        return found

    def submit(self, worker: str, gpu: bool, call: Callable[..., Any], *arguments: Any) -> Any:
        """Have a worker, and no other one, call something in its turn. Returns the future.

        :param worker: its address.
        :param gpu: whether that takes its GPU.
        """
        return self._client.submit(
            call,
            *arguments,
            key=f"{self._topic}-{uuid.uuid4().hex}",
            workers=[worker],
            allow_other_workers=False,
            resources={GPU: 1} if gpu else None,
            pure=False,
            retries=0,
        )

    def run_everywhere(self, workers: Sequence[str], call: Callable[[str], None]) -> None:
        """Have workers call something with the topic at once, beside what they are at. Those that are gone, or hang,
        are not waited for."""
        client = self._client
        if not self.connected or not workers:
            return

        # Whatever may come of it: what is to be done by this is done without it too, only later.
        with suppress(Exception):
            _within(remote.GRACE, lambda: client.run(call, self._topic, workers=list(workers), on_error="ignore"))

    def disconnect(self) -> None:
        """Give the connection up."""
        self.close()
        self._lost_at = time.monotonic()

    def reconnect(self) -> bool:
        """Try to connect again.

        :raises ClusterError: it has been away for too long.
        """
        if _answers(self.address):
            with suppress(ClusterError):
                self._client = _connected(self.address)
                self._subscribe()
                return True
        if time.monotonic() - self._lost_at > RETURN_SECONDS:
            raise ClusterError(
                f"The Dask scheduler at {self.address} has not come back. What is finished is kept: start it and its "
                "workers again, and give the same command again."
            )
        return False

    def close(self) -> None:
        """Leave it, whatever state it is in. What is still under way for this connection is cancelled."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                _within(2 * TCP_SECONDS, lambda: client.close(timeout=TCP_SECONDS))


def _connected(address: str) -> Any:
    host, port = _host_port(address)
    if not _answers(address):
        raise ClusterError(
            f"No Dask scheduler answers at {address}. Start one with 'dask scheduler --port {port}' on {host}, and "
            "look whether a firewall lets that port through."
        )
    import distributed

    # What matters of it is printed in words of our own.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return _within(
            CONNECT_SECONDS, lambda: distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        )
    except (OSError, ImportError, asyncio.TimeoutError, futures.TimeoutError) as error:
        raise ClusterError(
            f"What answers at {address} is no Dask scheduler that can be talked to ({short(error)}). Look at the "
            "address, and whether the versions of Dask are the same there and here."
        ) from None


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """What a call returns that may hang: Dask's own limits do not hold where something takes a connection and stays
    silent.

    :raises concurrent.futures.TimeoutError: it has not returned by then, and is left alone.
    """
    returned: futures.Future[Any] = futures.Future()

    def work() -> None:
        try:
            returned.set_result(call())
        except BaseException as error:
            returned.set_exception(error)

    Thread(target=work, name="dask", daemon=True).start()
    return returned.result(seconds)


def _host_port(address: str) -> tuple[str, int]:
    try:
        from distributed.comm import get_address_host_port
    except ImportError:
        raise ClusterError(
            "For a Dask cluster the package distributed is needed: pip install 'reelbrush[cluster]', here and on every "
            "machine of the cluster."
        ) from None
    try:
        host, port = get_address_host_port(address)
    except (ValueError, TypeError):
        host, port = "", None
    if not host or not port:
        raise UsageError(f"{address} is not the address of a Dask scheduler; one looks like tcp://HOST:8786.")
    return host, int(port)


def _answers(address: str) -> bool:
    with suppress(OSError), socket.create_connection(_host_port(address), timeout=TCP_SECONDS):
        return True
    return False


def _check_version(client: Any, address: str) -> None:
    """The scheduler opens what it hands on, and so needs the same Reelbrush."""
    try:
        found = _within(ANSWER_SECONDS, lambda: client.run_on_scheduler(remote.version))
    except ModuleNotFoundError:
        found = "none, or an old one"
    except (OSError, asyncio.TimeoutError, futures.TimeoutError) as error:
        raise ClusterError(f"The Dask scheduler at {address} went away ({short(error)}).") from None
    if found != __version__:
        raise ClusterError(
            f"This is reelbrush {__version__}, and where the Dask scheduler at {address} runs there is {found}. "
            f"Install the same one there (pip install 'reelbrush[cluster]=={__version__}'), and start the scheduler "
            "again."
        )


def short(error: BaseException) -> str:
    """The first line of what an error of Dask's says."""
    return str(error).strip().split("\n")[0] or type(error).__name__

"""Fetch published weights, once, and keep what painting needs of them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pipeline.atomic import replace_file
from pipeline.errors import WeightsError
from pipeline.network.fetch import discard, fetch
from pipeline.network.raft import RAFTS, raft_address, raft_place, read_raft
from pipeline.network.tensor_file import file_sha256
from pipeline.network.weights import PUBLISHED, cache_weights, hash_in, kept_vgg19, places_of, read_vgg19
from pipeline.text import size_text
from pipeline.types import OnProgress

ADDRESS_VARIABLE = "REELBRUSH_VGG19_URL"
"""Environment variable with the http(s) address of a mirror of the file."""

RAFT_VARIABLE = "REELBRUSH_RAFT_URL"
"""The same for the file of RAFT that is asked for."""

TRIMMED_SIZE = 81_000_000  # bytes, 20,024,384 numbers of four bytes and a header


def download_vgg19(
    on_progress: OnProgress | None = None,
    url: str | None = None,
    expected_hash: str | None = None,
    retries: int = 5,
    pause: float = 1.0,
) -> Path:
    """Fetch VGG-19 (548 MB), check it, keep its convolutions (80 MB) in the cache and remove the rest.

    Where the weights are on this machine already, nothing is fetched. A download that was cut short, Ctrl-C
    included, goes on with the next call.

    :param on_progress: called with bytes done and bytes in all (or None), at least once a mebibyte.
    :param url: None takes `$REELBRUSH_VGG19_URL`, and without that the address torchvision publishes.
    :param expected_hash: first digits of the file's SHA-256; None takes them from the name in the address
        (`vgg19-dcbb9e9d.pth`, torch.hub's convention), and for a name without them torchvision's file is expected.
    :param retries: as in `fetch`.
    :param pause: seconds, as in `fetch`.
    :return: a file for `open_vgg19`.
    :raises WeightsError: no connection, refused, interrupted, wrong content (removed), or no room.
    """
    url = url or os.environ.get(ADDRESS_VARIABLE) or published_url()
    expected = (
        expected_hash or hash_in(PurePosixPath(unquote(urlsplit(url).path)).name) or PUBLISHED["torchvision"]
    ).lower()
    if kept := kept_vgg19(expected[:8]):
        return kept
    _, whole = places_of(expected[:8])
    part = whole.with_name(f"{whole.name}.part")
    fetch(url, part, on_progress, retries, pause, room_after=TRIMMED_SIZE)
    _check(part, expected, url)
    place = _trim(part, whole.name)
    discard(part)
    return place


def download_raft(
    kind: str,
    on_progress: OnProgress | None = None,
    url: str | None = None,
    retries: int = 5,
    pause: float = 1.0,
) -> Path:
    """Fetch the weights of RAFT and check them. Where they are on this machine already, nothing is fetched.

    :param kind: 'raft' or 'raft-small'.
    :param on_progress, retries, pause: as in `download_vgg19`.
    :param url: None takes `$REELBRUSH_RAFT_URL`, and without that the address torchvision publishes. Whatever the
        address, the file has to be torchvision's.
    :return: the file for `open_raft`.
    :raises WeightsError: no connection, refused, interrupted, wrong content (removed), or no room.
    """
    place = raft_place(kind)
    if place.is_file():
        return place
    url = url or os.environ.get(RAFT_VARIABLE) or raft_address(kind)
    part = place.with_name(f"{place.name}.part")
    fetch(url, part, on_progress, retries, pause)
    _check(part, RAFTS[kind].digits, url)
    try:
        read_raft(part, kind)
    except WeightsError:
        discard(part)
        raise
    replace_file(part, place)
    discard(part)
    return place


def published_url() -> str:
    """Where torchvision publishes its VGG-19."""
    from torchvision.models import VGG19_Weights  # a second's import that only a download needs

    return str(VGG19_Weights.IMAGENET1K_V1.url)


def _check(part: Path, expected: str, url: str) -> None:
    digest = file_sha256(part)
    if digest.startswith(expected):
        return
    size = part.stat().st_size
    discard(part)
    raise WeightsError(
        f"What {url} gave ({size_text(size)}) is not the expected file: its SHA-256 begins with {digest[:8]}, not "
        f"{expected[:8]}. It was removed. Run the command again; if that gives the same, something on the way "
        "(a login page, a mirror) serves another file."
    )


def _trim(part: Path, name: str) -> Path:
    """The convolutions alone, in the cache. (The tensors may be mapped from `part`: they must be gone on return.)"""
    try:
        file = read_vgg19(part)
    except WeightsError:
        discard(part)
        raise
    return cache_weights(replace(file, source=name), overwrite=True)

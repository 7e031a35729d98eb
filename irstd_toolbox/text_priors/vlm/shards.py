"""Cutting requests into batches that a vendor takes: by bytes and by lines."""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from irstd_toolbox.text_priors.vlm.types import BatchLimits, PreparedImage, Prompt

__all__ = ['Parcel', 'Request', 'TooLarge', 'bounds', 'pack', 'weigh']

MOST_BYTES = 64 * 2**20
"""Of one shard whatever the vendor takes: it is held in memory, and one that fails is sent again."""
MOST_LINES = 500
SHARE = 0.9
"""Of the vendor's limit; the rest is for what is around the lines."""


@dataclass(frozen=True)
class Request:
    """One question: an image, the prompt it is shown with, and the answer's key in the cache."""

    image: PreparedImage
    prompt: Prompt
    key: str


@dataclass(frozen=True)
class TooLarge:
    """A request that fits no batch, by its key."""

    key: str
    bytes: int


@dataclass
class Parcel:
    """Lines that become one batch.

    Args:
        label: Eight hexadecimal digits; custom ids begin with them.
        lines: The requests.
        keys: Of the answers, by custom id.
        bytes: Of all lines as JSON, with line ends.
    """

    label: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    bytes: int = 0


def bounds(limits: BatchLimits) -> BatchLimits:
    """What one shard may hold, given the vendor's limits.

    Example:
        >>> bounds(BatchLimits(bytes=200 * 10**6, lines=50_000)), bounds(BatchLimits(bytes=1000, lines=20))
        (BatchLimits(bytes=67108864, lines=500), BatchLimits(bytes=900, lines=20))
    """
    return BatchLimits(min(int(SHARE * limits.bytes), MOST_BYTES), min(limits.lines, MOST_LINES))


def weigh(line: dict[str, Any]) -> int:
    """Bytes of a line with its end, escaped to ASCII: at least as many as the SDKs send.

    Example:
        >>> weigh({'a': 1})
        9
    """
    return len(json.dumps(line)) + 1


def pack(requests: Iterable[Request], limits: BatchLimits,
         line: Callable[[str, PreparedImage, Prompt], dict[str, Any]]) -> Iterator[Parcel | TooLarge]:
    """Cut requests, taken one by one, into shards; only the lines of one are in memory.

    Args:
        requests: In the order of sending.
        limits: Of one shard, see :func:`bounds`.
        line: Makes a request's JSON values of a custom id, an image and a prompt.
    """
    parcel = Parcel(secrets.token_hex(4))
    for request in requests:
        made = _line(parcel, request, line)
        size = weigh(made)
        if size > limits.bytes:
            yield TooLarge(request.key, size)
            continue
        if parcel.lines and (parcel.bytes + size > limits.bytes or len(parcel.lines) >= limits.lines):
            del made
            yield parcel
            parcel = Parcel(secrets.token_hex(4))
            made = _line(parcel, request, line)
        parcel.keys[_next_id(parcel)] = request.key
        parcel.lines.append(made)
        parcel.bytes += size
    if parcel.lines:
        yield parcel


def _line(parcel: Parcel, request: Request, line: Callable[[str, PreparedImage, Prompt], dict[str, Any]]
          ) -> dict[str, Any]:
    return line(_next_id(parcel), request.image, request.prompt)


def _next_id(parcel: Parcel) -> str:
    return f'{parcel.label}-{len(parcel.lines):05d}'

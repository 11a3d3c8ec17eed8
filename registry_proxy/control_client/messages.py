"""Everything the control plane says, as verified values.

The signature is checked over the exact text before it is parsed: a parser never sees what our own control plane did
not write. All failures are one: ViewRejected, and the listener reloads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView, ViewRejected, check_signature, decode_view
from registry_proxy.control_client.target_facts import TargetFacts, read_target

MAX_MESSAGE_CHARS = 4 * 1024 * 1024
_LARGEST = 2.0**63  # JSON knows whole numbers that no float holds
START = (0, 0)

StreamId = tuple[int, int]


@dataclass(frozen=True, slots=True)
class NewsPosition:
    """How far the news stream is: the last id, how many entries it ever had, and which life of Redis this is."""

    last: StreamId
    added: int
    birth: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The control plane's database took a write at `db_now`, which is `ahead` of its own clock if that went back.

    Seconds of our own monotonic clock: `heard` at receipt, `fresh_at` when it would have come without delay.
    """

    db_now: float
    position: NewsPosition
    heard: float
    fresh_at: float
    ahead: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything there is. By our own monotonic clock, it was `asked` for, and complete when it was `heard`.

    `ends_doubt` is true only when it was asked for after the doubt arose.
    """

    db_now: float
    position: NewsPosition
    views: tuple[SessionView, ...]
    targets: tuple[TargetFacts, ...]
    heard: float
    ends_doubt: bool = False
    asked: float = -math.inf


@dataclass(frozen=True, slots=True)
class ViewNews:
    """Views that become true together, and the id of the entry that brought them."""

    views: tuple[SessionView, ...]
    at: StreamId


@dataclass(frozen=True, slots=True)
class TargetNews:
    """Something about targets changed: load everything again."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One answer of Redis: applied as a whole, or the streams would see half of a change."""

    news: tuple[ViewNews, ...]
    heartbeat: Heartbeat | None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something may be missing: nothing new is let through before the next snapshot."""

    why: str


class Counts(NamedTuple):
    """What was counted under a grant: bytes in both directions, and requests that were let through."""

    moved: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class UsageTold:
    """The answer to a report: `told` are the counters that we sent, `used` is the sum over all proxies, by grant."""

    told: Mapping[str, Counts]
    used: Mapping[str, Counts]


Delivery = Snapshot | Batch | Doubt | UsageTold


def parse_stream_id(text: str) -> StreamId:
    """`1700000000000-3` as a pair that compares in stream order."""
    milliseconds, dash, number = text.partition("-")
    if not dash or not milliseconds.isdecimal() or not number.isdecimal():
        raise _rejected("stream id")
    return int(milliseconds), int(number)


def format_stream_id(position: StreamId) -> str:
    """The form that Redis takes."""
    return f"{position[0]}-{position[1]}"


def open_message(text: str, signature: str, key: bytes, *, limit: int = MAX_MESSAGE_CHARS) -> Mapping[str, Any]:
    """A signed JSON object. Raises ViewRejected."""
    if len(text) > limit:
        raise _rejected("size")
    check_signature(text, signature, key)
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise _rejected("json") from exc
    if not isinstance(body, Mapping):
        raise _rejected("shape")
    return body


def read_heartbeat(body: Mapping[str, Any], *, heard: float) -> Heartbeat:
    """Raises ViewRejected."""
    try:
        if body["type"] != "heartbeat":
            raise ValueError("type")
        return Heartbeat(_finite(body["db_now"]), _read_position(body), heard, heard, _finite(body.get("ahead", 0.0)))
    except (KeyError, TypeError, ValueError) as exc:
        raise _rejected("heartbeat") from exc


def read_news(body: Mapping[str, Any], *, at: StreamId) -> ViewNews | TargetNews:
    """Raises ViewRejected."""
    kind = body.get("type")
    if kind == "targets":
        return TargetNews()
    views = body.get("views")
    if kind != "views" or not isinstance(views, list) or not all(isinstance(text, str) for text in views):
        raise _rejected("news")
    return ViewNews(tuple(decode_view(text) for text in views), at)


def read_snapshot(body: Mapping[str, Any], *, heard: float, known: Mapping[str, SessionView]) -> Snapshot:
    """`known` are views by their text: most did not change since the last time. Raises ViewRejected."""
    try:
        if body["v"] != 1:
            raise ValueError("version")
        return Snapshot(
            db_now=_finite(body["db_now"]),
            position=_read_position(body),
            views=tuple(known.get(text) or decode_view(text) for text in body["views"]),
            targets=tuple(read_target(item) for item in body["targets"]),
            heard=heard,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise _rejected("snapshot") from exc


def _finite(value: object) -> float:
    """A number that compares: JSON readers let NaN through, and everything is "not later" than NaN."""
    if not isinstance(value, int | float) or not -_LARGEST < value < _LARGEST:
        raise ValueError("number")
    return float(value)


def _read_position(body: Mapping[str, Any]) -> NewsPosition:
    last, birth, added = body["position"], body["birth"], body["added"]
    if not isinstance(last, str) or not isinstance(birth, str) or not birth or not isinstance(added, int):
        raise ValueError("position")
    return NewsPosition(parse_stream_id(last), added, birth)


def _rejected(what: str) -> ViewRejected:
    return ViewRejected(Reason.CONTROL_PLANE_LOST, f"A message from the control plane could not be read: {what}.")

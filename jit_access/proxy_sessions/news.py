"""The two Redis streams and the words on them. Redis only carries: what counts is signed and in the database.

Proxies compare where a heartbeat says the news stream is with what they read themselves; see ADR 0002.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.utils import str_if_bytes

from jit_access.domain.session_view import sign_text
from jit_access.proxy_sessions.pulse import ToldTime

NEWS = "jit:news"
HEARTBEAT = "jit:heartbeat"
BIRTH = "jit:news:birth"
NEWS_KEPT = 10_000
HEARTBEATS_KEPT = 32
START = "0-0"


@dataclass(frozen=True, slots=True)
class NewsPosition:
    """How far the news stream is: its last id, how many entries it ever had, and which life of Redis this is."""

    position: str
    added: int
    birth: str


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """A client that gives up at once: a person's request waits for this after its commit, and the sweep tries again.

    One retry without pause covers a pooled connection that Redis closed.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=1.0,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 1),
        protocol=2,  # and bytes: XINFO shows foreign entries, which need not be text
    )


def publish(messages: Sequence[str]) -> list[str]:
    """Put messages on the news stream, in order. Returns their stream ids. Raises redis.RedisError."""
    with client().pipeline(transaction=False) as pipe:
        for message in messages:
            pipe.xadd(NEWS, _signed(message), maxlen=NEWS_KEPT, approximate=True)
        return [stream_id.decode("ascii") for stream_id in pipe.execute()]


def read_position() -> NewsPosition:
    """Where the news stream is now; gives Redis a birth mark when it has none. Raises redis.RedisError."""
    with client().pipeline(transaction=True) as pipe:
        pipe.set(BIRTH, secrets.token_hex(16), nx=True)
        pipe.get(BIRTH)
        pipe.exists(NEWS)
        _, birth, has_news = pipe.execute()
    if not has_news:
        return NewsPosition(START, 0, birth.decode("ascii", "replace"))
    facts: Mapping[str, Any] = client().xinfo_stream(NEWS)
    position = str_if_bytes(facts["last-generated-id"])
    return NewsPosition(position, int(facts["entries-added"]), birth.decode("ascii", "replace"))


def beat(time: ToldTime, position: NewsPosition) -> None:
    """Tell the proxies that the database took a write, when, and how far the news are. Raises redis.RedisError."""
    message = json.dumps(
        {
            "type": "heartbeat",
            "db_now": time.told.timestamp(),
            "ahead": time.ahead.total_seconds(),
            "position": position.position,
            "added": position.added,
            "birth": position.birth,
        }
    )
    client().xadd(HEARTBEAT, _signed(message), maxlen=HEARTBEATS_KEPT, approximate=True)


def sign_message(text: str) -> str:
    """The signature that proxies check."""
    return sign_text(text, settings.VIEW_KEY)


def _signed(message: str) -> dict[Any, Any]:
    return {"m": message, "s": sign_message(message)}

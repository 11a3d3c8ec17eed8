"""One way to reach Redis, with short deadlines: whoever waits for Redis is not answering people."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """The process's client. It connects on first use; a lost server raises redis.RedisError at once.

    One retry without pause covers a pooled connection that Redis closed; more would only make somebody wait.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=1.0,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 1),
        decode_responses=True,
        protocol=2,
    )

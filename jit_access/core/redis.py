"""One way to reach Redis, with short deadlines: whoever waits for Redis is not answering people."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """The process's client. It connects on first use; a lost server raises redis.RedisError at once."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=1, decode_responses=True)

"""Is this process alive, and can it do its work?

The answers name parts and a word each, never an error's text: probes are asked by strangers too. A part that leans on
another one that failed is not asked: each try of a lost database takes its whole deadline.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import redis
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from jit_access.audit.signing import load_signer
from jit_access.core import redis as core_redis
from jit_access.core.keys import default_provider
from jit_access.policies.selectors import active_version

logger = logging.getLogger(__name__)
OK = "ok"
AWAY = "away"
READ_ONLY = "read-only"
NOT_ASKED = "not asked"
_NEED_DATABASE = frozenset({"migrations", "policy"})


@require_safe
def alive(_request: HttpRequest) -> HttpResponseBase:
    """The process answers. Asks nobody else: a lost database is no reason to restart it."""
    return _answer({"status": "alive"}, 200)


@require_safe
def ready(_request: HttpRequest) -> HttpResponseBase:
    """200 when every part works, else 503 with each part's word, so that one probe tells an operator where to look."""
    parts: dict[str, str] = {}
    for name, question in _PARTS.items():
        is_vain = name in _NEED_DATABASE and parts["database"] == AWAY
        parts[name] = NOT_ASKED if is_vain else _ask(name, question)
    is_ready = set(parts.values()) == {OK}
    return _answer({"status": "ready" if is_ready else "not ready", "parts": parts}, 200 if is_ready else 503)


def _answer(body: dict[str, object], status: int) -> JsonResponse:
    response = JsonResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _ask(name: str, question: Callable[[], str]) -> str:
    try:
        return question()
    except (DatabaseError, redis.RedisError, ImproperlyConfigured) as exc:
        # Without a traceback: a probe asks every second, and the kind of error says which part to look at.
        logger.warning("not ready: %s (%s)", name, type(exc).__name__)
        return AWAY


def _database() -> str:
    """Does it take writes? One that only answers could not commit a revocation.

    Asked without writing a row: whoever may reach this address could otherwise make the publisher wait for it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_IS_READ_ONLY[connection.vendor])
        (word,) = cursor.fetchone()
    if word in {"on", 1}:
        return READ_ONLY
    with transaction.atomic():  # on SQLite this takes the write lock
        return OK


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    return "pending" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else OK


def _redis() -> str:
    core_redis.client().ping()
    return OK


def _keys() -> str:
    load_signer()
    default_provider().sealing_key()
    return OK


def _policy() -> str:
    return OK if active_version() is not None else "none loaded"


# A standby of PostgreSQL says "on" too.
_IS_READ_ONLY = {"postgresql": "SHOW transaction_read_only", "sqlite": "PRAGMA query_only"}

_PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "keys": _keys,
    "policy": _policy,
}

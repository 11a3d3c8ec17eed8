"""Alive asks nobody; ready asks every part and names the one that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.utils import OperationalError
from django.test import Client

from jit_access.audit.signing import load_signer
from jit_access.core import redis as core_redis
from jit_access.core.keys import default_provider
from jit_access.policies.models import PolicyVersion
from tests.support.read_only import read_only_database

PARTS = ("database", "migrations", "redis", "keys", "policy")


@pytest.fixture
def policy(db: None) -> PolicyVersion:
    return PolicyVersion.objects.create(
        number=1, digest="ab" * 32, schema_text="", files={}, is_active=True, loaded_by="test"
    )


def test_alive_asks_nobody(client: Client) -> None:
    # No database mark: a query would fail this test.
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_when_every_part_is(client: Client, policy: PolicyVersion) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "parts": dict.fromkeys(PARTS, "ok")})
    assert answer["Cache-Control"] == "no-store"


def not_ready(client: Client) -> dict[str, str]:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    parts: dict[str, str] = answer.json()["parts"]
    return {name: word for name, word in parts.items() if word != "ok"}


@pytest.mark.django_db
def test_not_ready_without_a_policy(client: Client) -> None:
    assert not_ready(client) == {"policy": "none loaded"}


def test_not_ready_without_redis(client: Client, policy: PolicyVersion, settings: Any, tmp_path: Path) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock"
    core_redis.client.cache_clear()
    try:
        assert not_ready(client) == {"redis": "away"}
    finally:
        core_redis.client.cache_clear()


@pytest.mark.parametrize("name", ["AUDIT_KEY_FILE", "KEY_FILE"])
def test_not_ready_without_a_key(client: Client, policy: PolicyVersion, settings: Any, name: str) -> None:
    load_signer()  # made on the spot here, whatever ran before; never in production
    default_provider().sealing_key()
    settings.ENVIRONMENT = "production"
    for key in ("AUDIT_KEY_FILE", "KEY_FILE"):
        Path(getattr(settings, key)).chmod(0o600)
    setattr(settings, name, "/nonexistent/key")
    assert not_ready(client) == {"keys": "away"}


def test_not_ready_with_a_pending_migration(client: Client, policy: PolicyVersion) -> None:
    ((app, name),) = MigrationLoader(None).graph.leaf_nodes("audit")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", [app, name])
    assert not_ready(client) == {"migrations": "pending"}


def test_a_lost_database_is_a_word_not_a_traceback(
    client: Client, policy: PolicyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise OperationalError("password of user jit at db.internal refused")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", lost)
        answer = client.get("/readyz")
    assert answer.status_code == 503
    # One try: each of them takes the whole deadline of a connection.
    assert answer.json()["parts"] == dict.fromkeys(PARTS, "ok") | {
        "database": "away", "migrations": "not asked", "policy": "not asked"
    }  # fmt: skip
    assert b"db.internal" not in answer.content


def test_not_ready_while_the_database_takes_no_writes(
    transactional_db: None, client: Client, policy: PolicyVersion
) -> None:
    with read_only_database():
        assert not_ready(client) == {"database": "read-only"}
    assert client.get("/readyz").status_code == 200


def test_probes_are_read_only(client: Client) -> None:
    assert client.post("/healthz").status_code == 405

"""Seeding through the services: everybody is there once, and only one private file knows their secrets."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pyotp
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.selectors import groups_of
from jit_access.audit.models import AuditEntry
from jit_access.core import clock
from jit_access.demo.model.artifacts import EXHIBITS
from jit_access.demo.model.push import Registry
from jit_access.domain.tokens import hash_token
from jit_access.mfa.services import prove_code
from jit_access.targets.models import Target

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "VAR_DIR", tmp_path)
    # Without the one that takes a second to make.
    monkeypatch.setattr("jit_access.demo.exhibition.EXHIBITS", EXHIBITS[1:])
    return tmp_path


@pytest.fixture
def login_file(registry: Registry, tmp_path: Path) -> Path:
    (tmp_path / "login").write_text(registry.password)
    return tmp_path / "login"


def seed(registry: Registry, login_file: Path, var: Path) -> dict[str, Any]:
    names = {"registry_username": registry.username, "registry_password_file": str(login_file)}
    call_command("seed_demo", registry_url=registry.url, **names)
    story: dict[str, Any] = json.loads((var / "demo.json").read_text(encoding="utf-8"))
    return story


def test_everybody_can_do_what_the_story_says(registry: Registry, login_file: Path, var: Path) -> None:
    story = seed(registry, login_file, var)
    assert stat.S_IMODE((var / "demo.json").stat().st_mode) == 0o600
    assert [person["username"] for person in story["people"]] == ["ada", "ben", "cleo", "dora"]
    for person in story["people"]:
        user = User.objects.get(username=person["username"])
        assert user.check_password(person["password"])
        assert groups_of(user) == set(person["groups"])
        prove_code(user=user, code=pyotp.TOTP(person["totp_secret"]).at(clock.now()))
    (agent,) = story["agents"]
    assert ApiToken.objects.get(token_hash=hash_token(agent["api_token"])).user.username == "ci-bot"


def test_target_is_described_as_the_story_says(registry: Registry, login_file: Path, var: Path) -> None:
    story = seed(registry, login_file, var)
    target = Target.objects.get(slug="demo-registry")
    assert (target.base_url, story["upstream"], target.health) == (registry.url, registry.url, "reachable")
    tiers = {row.name: row.tier for row in target.repositories.all()}
    assert tiers == {row["name"]: row["tier"] for row in story["targets"][0]["repositories"]}
    assert registry.password not in target.sealed_password


def test_second_seeding_changes_nothing(registry: Registry, login_file: Path, var: Path) -> None:
    first = seed(registry, login_file, var)
    records = AuditEntry.objects.count()
    assert seed(registry, login_file, var) == first
    assert AuditEntry.objects.count() == records


def test_lost_story_gives_everybody_new_secrets(registry: Registry, login_file: Path, var: Path) -> None:
    first = seed(registry, login_file, var)
    (var / "demo.json").unlink()
    second = seed(registry, login_file, var)
    assert User.objects.count() == 5
    assert first["people"][0]["password"] != second["people"][0]["password"]
    assert User.objects.get(username="ada").check_password(second["people"][0]["password"])


def test_no_secret_is_in_the_log(registry: Registry, login_file: Path, var: Path) -> None:
    story = seed(registry, login_file, var)
    log = "\n".join(AuditEntry.objects.values_list("body", flat=True))
    secrets = [person[name] for person in story["people"] for name in ("password", "totp_secret")]
    assert not [secret for secret in [*secrets, story["agents"][0]["api_token"], registry.password] if secret in log]


@pytest.mark.parametrize("command", ["seed_demo", "prepare"])
def test_production_is_refused(command: str, var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENVIRONMENT", "production")
    with pytest.raises(CommandError, match="development only"):
        call_command(command, registry_url="http://127.0.0.1:1")
    assert not User.objects.exists()

"""People and groups from the gateway's own terminal."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from jit_access.accounts.models import User
from jit_access.accounts.selectors import groups_of
from jit_access.audit.models import AuditEntry
from jit_access.mfa.selectors import has_factor
from tests.support.cast import PASSWORD, Cast
from tests.support.sessions import give_factor

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command("account", *arguments, stdout=said)
    return said.getvalue()


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_first_operator_is_made_with_groups_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, f"{PASSWORD}\n")
    said = run("add", "olga", "--display-name", "Olga Maier", "--group", "operators", "--group", "security")
    user = User.objects.get(username="olga")
    assert "second factor" in said
    assert user.check_password(PASSWORD)
    assert groups_of(user) == {"operators", "security"}
    assert not user.is_superuser
    assert not user.is_staff
    assert AuditEntry.objects.filter(actor_id="terminal").count() == 3


def test_weak_password_makes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "short\n")
    with pytest.raises(CommandError, match="invalid-input"):
        run("add", "olga", "--display-name", "Olga Maier")
    assert not User.objects.filter(username="olga").exists()


def test_agent_belongs_to_its_owner(cast: Cast) -> None:
    run("agent", "nightly", "--owner", "ada", "--group", "research")
    agent = User.objects.get(username="nightly")
    assert agent.owner == cast.ada
    assert not agent.has_usable_password()


def test_groups_and_locks_change_both_ways(cast: Cast) -> None:
    run("join", "cleo", "research")
    assert groups_of(cast.cleo) == {"research"}
    run("leave", "cleo", "research")
    assert groups_of(cast.cleo) == set()
    run("lock", "cleo")
    cast.cleo.refresh_from_db()
    assert not cast.cleo.is_active
    run("unlock", "cleo")
    cast.cleo.refresh_from_db()
    assert cast.cleo.is_active


def test_unknown_account_is_said_so(cast: Cast) -> None:
    with pytest.raises(CommandError, match="no account called nobody"):
        run("lock", "nobody")


def test_lost_phone_is_forgotten(cast: Cast) -> None:
    give_factor(cast.ada)
    assert has_factor(cast.ada)
    run("forget-factor", "ada")
    assert not has_factor(cast.ada)
    assert AuditEntry.objects.get(kind="second-factor.removed").actor_id == "terminal"

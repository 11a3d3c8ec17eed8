"""People and groups from the gateway's own terminal."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from jit_access.accounts.models import ApiToken, User
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


def test_a_group_of_nobody_else_is_said_to_be_one(cast: Cast) -> None:
    """It may be new, or misspelt: nothing else would tell."""
    assert "Nobody else is" in run("join", "cleo", "reserach")
    assert "Nobody else is" not in run("join", "cleo", "research")


def test_no_password_at_all_makes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "")
    with pytest.raises(CommandError, match="No password came"):
        run("add", "olga", "--display-name", "Olga Maier")
    assert not User.objects.filter(username="olga").exists()


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


def test_a_new_password_replaces_the_old_one_and_ends_sessions(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    epoch = cast.ada.session_epoch
    typed(monkeypatch, "violet-lantern-quarry-2207\n")
    run("password", "Ada")
    cast.ada.refresh_from_db()
    assert cast.ada.check_password("violet-lantern-quarry-2207")
    assert not cast.ada.check_password(PASSWORD)
    assert cast.ada.session_epoch > epoch
    assert AuditEntry.objects.get(kind="account.password-changed").actor_id == "terminal"


def test_a_machine_gets_no_password(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "violet-lantern-quarry-2207\n")
    with pytest.raises(CommandError, match="service account"):
        run("password", "ci-bot")
    cast.ci_bot.refresh_from_db()
    assert not cast.ci_bot.has_usable_password()


def test_a_token_for_an_agent_is_printed_once_and_works(cast: Cast, client: Client) -> None:
    text = run("token", "ci-bot", "--name", "nightly", "--days", "7").strip()
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"})
    assert answer.json()["person"]["name"] == "ci-bot"
    assert AuditEntry.objects.get(kind="api-token.issued").actor_id == "terminal"


@pytest.mark.parametrize("arguments", [("ada",), ("ci-bot", "--days", "91"), ("ci-bot", "--days", "0")])
def test_no_token_for_people_nor_for_ever(cast: Cast, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run("token", *arguments)
    assert not ApiToken.objects.exists()

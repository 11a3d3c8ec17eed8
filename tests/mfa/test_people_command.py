"""`manage.py people` does what the services do, and leaves records."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from jit_access.accounts.models import User
from jit_access.accounts.selectors import is_in
from jit_access.audit.models import AuditEntry
from jit_access.mfa.selectors import has_factor
from tests.support.cast import Cast
from tests.support.sessions import give_factor


def people(*words: str) -> str:
    out = io.StringIO()
    call_command("people", *words, stdout=out)
    return out.getvalue().strip()


def test_the_first_person_comes_from_the_console(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("an otter hums at dusk\n"))
    assert people("add", "Mara", "--shown-as", "Mara Lind").startswith("Mara Lind can sign in")
    assert User.objects.get(username="mara").check_password("an otter hums at dusk")
    assert AuditEntry.objects.get(kind="account.created").actor_id == "console"


def test_a_weak_password_is_one_sentence(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match=r"too short.*invalid-input"):
        people("add", "mara")
    assert not User.objects.filter(username="mara").exists()


def test_groups_and_locks(cast: Cast) -> None:
    people("join", "CLEO", "--group", "security")
    assert is_in(cast.cleo, "security")
    people("leave", "cleo", "--group", "security")
    assert not is_in(cast.cleo, "security")
    people("lock", "cleo", "--note", "left the company")
    assert not User.objects.get(pk=cast.cleo.pk).is_active
    people("unlock", "cleo")
    assert User.objects.get(pk=cast.cleo.pk).is_active
    with pytest.raises(CommandError, match="Nobody"):
        people("lock", "nobody")


def test_a_lost_phone_is_forgotten(cast: Cast) -> None:
    give_factor(cast.ada)
    people("forget-factor", "ada")
    assert not has_factor(cast.ada)
    assert AuditEntry.objects.get(kind="second-factor.removed").actor_id == "console"

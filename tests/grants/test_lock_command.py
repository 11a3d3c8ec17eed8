"""`manage.py lock`, for the console at three in the morning."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from jit_access.audit.models import AuditEntry
from jit_access.domain.lifecycle import GrantState
from jit_access.locks.models import Lock
from tests.support.lifecycles import BASE, World, active, reload

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("lock", *words, stdout=out)
    return out.getvalue().strip()


def test_place_list_lift(world: World) -> None:
    grant = active(world, BASE)
    why = ("--because", "Token found in a public log")
    assert grant.public_id in run("place", "person", "ada", *why, "--dry-run")
    assert reload(grant).state == GrantState.ACTIVE
    said = run("place", "person", "ada", *why, "--for", "30m")
    lock = Lock.objects.get()
    assert said.startswith(f"{lock.public_id}: Ada Okafor is locked until ")
    assert said.endswith("It stopped 1 live grant.")
    assert reload(grant).state == GrantState.SUSPENDED
    assert "Token found in a public log" in run("list")
    run("lift", lock.public_id)
    assert reload(grant).state == GrantState.ACTIVE
    assert run("list") == "Nothing is locked."
    placed = AuditEntry.objects.get(kind="lock.placed")
    assert placed.actor_name == "Somebody at the gateway's terminal"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("person", "nobody", "--because", "long enough a reason"), "There is no person"),
        (("person", "ada", "--because", "short"), "Say why"),
        (("person", "ada", "--because", "long enough a reason", "--for", "soon"), "not a time"),
    ],
)
def test_what_cannot_be_meant_is_said(world: World, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run("place", *words)
    assert not Lock.objects.exists()


def test_until_somebody_lifts_it(world: World) -> None:
    assert "until somebody lifts it" in run("place", "tier", "critical", "--because", "Weights leak", "--for", "lifted")

"""`jit agent`: a file with a live token while a grant is open, and no file else."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rest_framework.response import Response

from jit_access.api.grants import GrantsView
from jit_access.credentials.models import CredentialLease
from jit_access.domain.lifecycle import LeaseState
from jit_access.domain.tokens import hash_token
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.targets.models import TargetKind
from tests.support.helped import add_target
from tests.support.lifecycles import BASE, World, active
from tests.support.machine import Machine
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
MODEL = "models/Org/Tiny"
WHAT = "the file"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def grant(world: World) -> Grant:
    hub = add_target("our-hub", TargetKind.HF, MODEL)
    return active(world, MODEL, target=hub, actor=world.cast.ci_bot)


@pytest.fixture
def started(machine: Machine) -> Iterator[Start]:
    """Agents that end with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        running.append(machine.start("jit", "agent", "--every", "1", *words))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def token_file(machine: Machine) -> Path | None:
    return next(machine.home.rglob("targets/our-hub"), None)


def lease_in(path: Path | None) -> CredentialLease | None:
    """Of the token in the file; none for half a token."""
    return None if path is None else CredentialLease.objects.filter(token_hash=hash_token(path.read_text())).first()


def test_once_writes_what_there_is(world: World, grant: Grant, machine: Machine) -> None:
    active(world, BASE, actor=world.cast.ci_bot)  # registries have a helper, and get no file
    done = machine.jit("agent", "--once")
    assert done.returncode == 0, done.stderr
    path = token_file(machine)
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert lease_in(path) is not None
    assert [item.name for item in path.parent.iterdir()] == ["our-hub"]
    inode = path.stat().st_ino
    assert machine.jit("agent", "--once").returncode == 0
    assert path.stat().st_ino == inode  # not written again: nothing changed
    grants.relinquish_grant(actor=world.cast.ci_bot, grant=grant)
    assert machine.jit("agent", "--once").returncode == 0
    assert token_file(machine) is None


def test_it_replaces_a_token_that_was_revoked_and_removes_that_of_a_grant_that_ended(
    world: World, grant: Grant, machine: Machine, started: Start
) -> None:
    started()
    wait_for(lambda: token_file(machine) is not None, WHAT)
    first = lease_in(token_file(machine))
    assert first is not None
    grants.revoke_token(lease=first, actor=world.cast.ci_bot)

    def is_replaced() -> bool:
        forget_when_it_was_checked(machine)
        held = lease_in(token_file(machine))
        return held is not None and held.pk != first.pk and held.state == LeaseState.ISSUED

    wait_for(is_replaced, "a new token")
    grants.relinquish_grant(actor=world.cast.ci_bot, grant=grant)
    wait_for(lambda: token_file(machine) is None, WHAT)


def test_a_clean_stop_takes_the_files_away(grant: Grant, machine: Machine, started: Start) -> None:
    agent = started()
    wait_for(lambda: token_file(machine) is not None, WHAT)
    second = machine.jit("agent")
    assert (second.returncode, "runs-already" in second.stderr) == (1, True)
    agent.send_signal(signal.SIGTERM)
    said, _ = agent.communicate(timeout=60)
    assert (agent.returncode, "Stopped" in said) == (0, True), said
    assert token_file(machine) is None
    started()  # the lock went with the first one
    wait_for(lambda: token_file(machine) is not None, WHAT)


def test_a_file_goes_at_the_end_of_its_grant_also_while_the_gateway_is_away(
    world: World, machine: Machine, started: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By this machine's own clock, from what the gateway said was left."""
    hub = add_target("our-hub", TargetKind.HF, MODEL)
    short = active(world, MODEL, target=hub, actor=world.cast.ci_bot, lasts_s=60)
    Grant.objects.filter(pk=short.pk).update(valid_until=short.activated_at + timedelta(seconds=15))
    agent = started()
    wait_for(lambda: token_file(machine) is not None or agent.poll() is not None, WHAT)
    assert token_file(machine) is not None
    monkeypatch.setattr(GrantsView, "get", lambda *_, **__: Response(status=503))
    wait_for(lambda: token_file(machine) is None, WHAT)
    assert agent.poll() is None


@pytest.mark.parametrize("every", ["0", "-1", "3601"])
def test_how_often_is_within_reason(machine: Machine, every: str) -> None:
    assert machine.jit("agent", "--once", "--every", every).returncode == 2
    assert machine.jit("agent", "--once", "--every", "3600").returncode == 0


def forget_when_it_was_checked(machine: Machine) -> None:
    """So that no test waits half a minute."""
    for path in machine.home.rglob("grt_*.json"):
        kept = json.loads(path.read_text())
        path.write_text(json.dumps(kept | {"checked_at": 0.0}))

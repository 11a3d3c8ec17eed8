"""While the gateway cannot know or cannot record, nothing new passes, and every client is told to come back."""

from __future__ import annotations

import errno
import os

import pytest

from jit_access.domain.reasons import Reason
from tests.conformance.profile import BODY
from tests.conformance.stage import Stage
from tests.support.processes import wait_for


def test_lost_control_plane_refuses_what_is_new(stage: Stage) -> None:
    gateway, held = stage.gateway, stage.grant()
    gate = gateway.gate
    assert gate is not None
    gateway.is_beating = False
    try:
        wait_for(lambda: gate.is_ready() is not None, "the gate went without news for too long")
        weight, answer = stage.registry.weight, stage.ask(held, stage.profile.read)
    finally:
        gateway.is_beating = True
    wait_for(lambda: gate.is_ready() is None, "news came again")
    assert answer.headers[b"retry-after"] == b"1"
    stage.check_refused(answer, Reason.CONTROL_PLANE_LOST, status=503)
    assert stage.registry.weight == weight
    assert stage.ask(held, stage.profile.read).body == BODY


def test_record_that_cannot_be_written_refuses(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken disk: the record of the refusal follows once it can, the yes has to be there before."""

    def fail(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    held, weight = stage.grant(), stage.registry.weight
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        answer = stage.ask(held, stage.profile.read)
    stage.check_refused(answer, Reason.AUDIT_UNAVAILABLE, status=503)
    assert stage.registry.weight == weight
    assert stage.ask(held, stage.profile.read).body == BODY

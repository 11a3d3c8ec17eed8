"""Rules that take an approval only from a passkey: it binds the step, in the words that everybody signed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from jit_access.access_requests.payloads import is_intact
from jit_access.audit.models import AuditEntry
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import Assurance, Level
from jit_access.policies.services import load_policy
from tests.support.cast import Cast
from tests.support.lifecycles import TINY, World, answer, ask, make_world, reload
from tests.support.passkey import SoftKey
from tests.support.sessions import code_now
from tests.web.pages_of import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(cast: Cast, tmp_path: Path) -> World:
    world = make_world(cast)
    for file in Path(django_settings.POLICY_DIR).iterdir():
        asked = '@id("research-sensitive")\n@approver_factor_kind("passkey")'
        (tmp_path / file.name).write_text(file.read_text().replace('@id("research-sensitive")', asked))
    load_policy(actor=GATEWAY, directory=tmp_path)
    return world


def passkey() -> Assurance:
    return Assurance(Level.PHISHING_RESISTANT, clock.now(), 0)


def test_a_code_approves_nothing_and_a_passkey_does(world: World) -> None:
    request = ask(world, TINY)
    assert request.payload["terms"]["approver_level"] == Level.PHISHING_RESISTANT
    with pytest.raises(PolicyRefusal) as refused:
        answer(request, world.cast.ben)
    assert refused.value.reason is Reason.PASSKEY_NEEDED
    assert AuditEntry.objects.filter(kind="request.answer.refused", reason=Reason.PASSKEY_NEEDED).count() == 1
    assert reload(request).state == RequestState.PENDING
    assert answer(request, world.cast.ben, assurance=passkey()).state == RequestState.APPROVED


def test_a_code_is_enough_to_deny(world: World) -> None:
    assert answer(ask(world, TINY), world.cast.ben, is_approval=False, note="Not now").state == RequestState.DENIED


def test_the_page_says_so_and_refuses_a_code_beside_its_field(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY)
    ben = client_for(world.cast.ben, "stale")
    assert "The rule asks for a passkey" in text_of(ben.get(f"/approvals/{request.public_id}"))
    sent = {"payload_hash": request.payload_hash, "code": code_now()}
    refused = ben.post(f"/approvals/{request.public_id}/approve", sent)
    assert refused.status_code == 422
    assert "This needs a passkey, not a code." in text_of(refused)
    assert reload(request).state == RequestState.PENDING


def test_a_step_that_asks_less_than_was_signed_is_not_intact(world: World) -> None:
    request = ask(world, TINY)
    assert is_intact(request)
    request.steps.update(approver_level=Level.SECOND_FACTOR)
    assert not is_intact(reload(request))


def test_a_passkey_for_one_verdict_leaves_the_session_as_it_was(
    world: World, client_for: Callable[..., Client], settings: Any
) -> None:
    settings.PUBLIC_URL = "https://access.example.test"
    key = SoftKey("https://access.example.test", "access.example.test")
    enrol(client_for(world.cast.ben), key)
    one, other = ask(world, TINY), ask(world, TINY, actor=world.cast.ci_bot)
    ben = client_for(world.cast.ben, "stale")
    options = ben.post("/second-factor/passkey", {"payload_hash": one.payload_hash}).json()
    sent = {"payload_hash": one.payload_hash, "passkey": key.prove(options)}
    assert ben.post(f"/approvals/{one.public_id}/approve", sent).status_code == 302
    assert reload(one).state == RequestState.APPROVED
    refused = ben.post(f"/approvals/{other.public_id}/approve", {"payload_hash": other.payload_hash})
    assert refused.status_code == 422
    assert reload(other).state == RequestState.PENDING
    assert ben.get("/settings/passkeys/new").status_code == 302


def enrol(client: Client, key: SoftKey) -> None:
    made = key.make(client.post("/settings/passkeys/new/options").json())
    assert client.post("/settings/passkeys/new", {"name": "Phone", "passkey": made}).status_code == 302

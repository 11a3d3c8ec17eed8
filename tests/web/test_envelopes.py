"""The pages about envelopes: an owner proposes, those whom policy asks sign, and both end it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jit_access.access_requests.inside import outside_of
from jit_access.envelopes.models import Envelope
from jit_access.grants.models import Grant
from tests.support.cast import Cast
from tests.support.envelopes import in_force, proposed
from tests.support.lifecycles import TINY, World, ask, reload, start
from tests.support.sessions import code_now, signed_in

pytestmark = pytest.mark.django_db


def text(answer: Any) -> str:
    return str(answer.content.decode())


def form(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "agent": world.cast.ci_bot.public_id,
        "name": "nightly",
        "resources": f"demo-registry/{TINY}:v1,v2.*",
        "operations": ["pull"],
        "because": "The nightly evaluation reads it",
        "lasts": "3600",
        "bytes_per_grant": "2 GiB",
        "bytes_per_day": "20 GiB",
        "grants_per_day": "24",
        "days": ["0", "1", "2", "3", "4"],
        "begins": "08:00",
        "ends": "18:00",
        "time_zone": "Europe/Berlin",
        "expires": "90",
        "review": "14",
    } | changes


def test_an_owner_proposes_by_the_form_alone(world: World) -> None:
    ada = signed_in(world.cast.ada, "fresh")
    assert ada.get("/envelopes/new").status_code == 200
    sent = ada.post("/envelopes/new", form(world))
    row = Envelope.objects.get()
    assert (sent.status_code, sent["Location"]) == (302, f"/envelopes/{row.public_id}")
    assert (row.bytes_per_grant, row.bytes_per_day, row.scope[0]["tags"]) == (2 << 30, 20 << 30, ["v1", "v2.*"])
    assert row.hours.text == "Mon to Fri, 08:00 to 18:00 Europe/Berlin"
    shown = text(ada.get(f"/envelopes/{row.public_id}"))
    assert "1 of Model owners: Ben Okafor" in shown
    assert 'name="answer"' not in shown
    assert "Take it back" in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resources": "llm"}, "Write target/repository"),
        ({"bytes_per_day": "lots"}, "Write a size such as 10 GiB."),
        ({"bytes_per_day": "1 GiB"}, "no more than a day allows"),
        ({"days": []}, "Choose at least one day."),
        ({"time_zone": "Mars"}, "That is not a time zone"),
        ({"lasts": "86400"}, "than the rule"),
        ({"resources": "demo-registry/tools/base-image"}, "Policy asks nobody for this"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(world: World, changes: dict[str, Any], said: str) -> None:
    ada = signed_in(world.cast.ada, "fresh")
    refused = ada.post("/envelopes/new", form(world, **changes))
    assert refused.status_code == 422
    assert "The nightly evaluation reads it" in text(refused)
    assert said in text(refused) or said == "than the rule"
    assert not Envelope.objects.exists()


def test_only_who_answers_for_an_agent_proposes(world: World) -> None:
    assert signed_in(world.cast.cleo, "fresh").get("/envelopes/new").status_code == 404
    stale = signed_in(world.cast.ada, "stale").get("/envelopes/new")
    assert (stale.status_code, "/second-factor" in stale["Location"]) == (302, True)


def test_signing_by_the_page(world: World) -> None:
    row = proposed(world)
    ben: Client = signed_in(world.cast.ben, "stale")
    here = f"/envelopes/{row.public_id}"
    listed = text(ben.get("/envelopes"))
    assert "For you to sign" in listed
    shown = text(ben.get(here))
    assert "Your answer" in shown
    assert row.payload_hash in shown
    word = {"answer": "approve", "payload_hash": row.payload_hash}
    assert "Type a code" in text(ben.post(f"{here}/sign", word))
    assert reload(row).state == "proposed"
    wrong = ben.post(f"{here}/sign", word | {"payload_hash": "0" * 64, "code": code_now()})
    assert wrong.status_code == 409
    assert "changed while you read" in text(wrong)
    done = ben.post(f"{here}/sign", word)
    assert (done.status_code, reload(row).state) == (302, "active")
    assert "In force" in text(ben.get(here))


def test_suspending_and_reviewing_by_the_page(world: World) -> None:
    row = in_force(world)
    here = f"/envelopes/{row.public_id}"
    ada, ben = signed_in(world.cast.ada, "fresh"), signed_in(world.cast.ben, "fresh")
    assert "Suspend nightly?" in text(ada.get(f"{here}/suspend"))
    assert ada.post(f"{here}/suspend", {"note": "Broken"}).status_code == 302
    suspended = reload(row)
    assert suspended.state == "suspended"
    assert "Your review" in text(ben.get(here))
    ben.post(f"{here}/sign", {"answer": "deny", "payload_hash": suspended.payload_hash, "note": "No more"})
    assert reload(row).state == "revoked"
    assert ada.get(f"{here}/revoke").status_code == 404


def test_strangers_find_nothing(world: World) -> None:
    here = f"/envelopes/{in_force(world).public_id}"
    cleo = signed_in(world.cast.cleo, "fresh")
    assert [cleo.get(here).status_code, cleo.post(f"{here}/revoke").status_code] == [404, 404]
    assert "There is no envelope yet." in text(cleo.get("/envelopes"))


def test_other_pages_name_it(world: World) -> None:
    row = in_force(world)
    grant = start(Grant.objects.get(request=ask(world, TINY, actor=world.cast.ci_bot)))
    outside = ask(world, TINY, actor=world.cast.ci_bot, lasts_s=7200)
    assert outside_of(outside)
    ada, ben = signed_in(world.cast.ada, "fresh"), signed_in(world.cast.ben, "fresh")
    assert "Inside envelope nightly" in text(ada.get("/access"))
    own = text(ada.get(f"/requests/{grant.request.public_id}"))
    assert row.public_id in own
    assert "It is inside envelope nightly, approved by Ben on" in own
    assert "Outside nightly" in text(ada.get(f"/requests/{outside.public_id}"))
    assert "at most 1 h is inside" in text(ben.get(f"/approvals/{outside.public_id}"))
    records = text(signed_in(world.cast.dora, "fresh").get(f"/activity?q={row.public_id}"))
    assert "Inside an envelope that people approved before" in records
    assert "Everyone who had to signed the envelope" in records
    agent = text(ada.get(f"/agents/{world.cast.ci_bot.public_id}"))
    assert f'href="/envelopes/{row.public_id}"' in agent


def test_an_owner_without_one_is_told_what_it_is(cast: Cast, world: World) -> None:
    assert "lets one of your agents have something without asking" in text(
        signed_in(cast.ada, "fresh").get("/envelopes")
    )

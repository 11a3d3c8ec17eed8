"""Offering less on the approval page: it shows what would be signed, and what is signed is what is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.access_requests.models import Narrowing, Verdict
from jit_access.domain.lifecycle import RequestState
from jit_access.grants.models import Grant
from tests.support.lifecycles import FRONTIER, HOUR, TINY, World, answer, ask, reload, scope_of
from tests.web.pages_of import heading_of, hidden_value, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_press_shows_a_shorter_one_with_its_own_payload(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY, lasts_s=2 * HOUR)
    ben = client_for(world.cast.ben)
    path = f"/approvals/{request.public_id}"
    page = ben.get(path)
    assert "Offer 1 h" in text_of(page)
    offered = ben.get(path, {"offer": "time", "lasts_s": HOUR})
    text = text_of(offered)
    assert heading_of(offered) == "Ada Okafor asks to pull a sensitive repository for 1 hour"
    assert "Less than Ada asked: 1 h instead of 2 h. Nothing is decided yet." in text
    assert "Approve for 1 h" in text
    signed = hidden_value(offered, "payload_hash")
    assert signed != request.payload_hash
    assert not Narrowing.objects.exists()
    assert reload(request).lasts_s == 2 * HOUR
    done = ben.post(f"{path}/approve", {"payload_hash": signed, "offered": hidden_value(offered, "offered")})
    assert done["Location"] == path
    assert (reload(request).state, Grant.objects.get().lasts_s) == (RequestState.APPROVED, HOUR)
    told = text_of(client_for(world.cast.ada).get(f"/requests/{request.public_id}"))
    assert "Ben Okafor offers less: 1 h instead of 2 h." in told


def test_piece_by_piece(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY, FRONTIER, scope=scope_of(TINY, FRONTIER))
    index = [part["repository"] for part in request.scope].index(TINY)
    ben = client_for(world.cast.ben)
    chosen = {"offer": "form", "lasts_s": HOUR, "keep": [f"{index}.pull"], f"only-{index}": "v1"}
    offered = ben.get(f"/approvals/{request.public_id}", chosen)
    assert f"not {FRONTIER}; only v1 of {TINY}" in text_of(offered)
    assert heading_of(offered) == "Ada Okafor asks to pull one tag of a sensitive repository for 1 hour"
    sent = {name: hidden_value(offered, name) for name in ("payload_hash", "offered")}
    ben.post(f"/approvals/{request.public_id}/approve", sent)
    row = reload(request)
    assert (row.scope, row.state) == (scope_of(TINY, tags=("v1",)).to_wire(), RequestState.PENDING)
    dora = text_of(client_for(world.cast.dora).get(f"/approvals/{request.public_id}"))
    assert f"Less, by Ben not {FRONTIER}; only v1 of {TINY}" in dora


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"offer": "time", "lasts_s": 3 * HOUR}, "never more or something else"),
        ({"offer": "form", "lasts_s": HOUR}, "That leaves nothing."),
        ({"offer": "form", "lasts_s": HOUR, "keep": "0.push"}, "That leaves nothing."),
        ({"offer": "form", "lasts_s": HOUR, "keep": "0.pull", "only-0": "sha256:short"}, "is not a whole digest"),
    ],
)
def test_what_cannot_be_offered_is_said_with_what_was_asked(
    world: World, client_for: Callable[..., Client], chosen: dict[str, object], said: str
) -> None:
    request = ask(world, TINY, lasts_s=2 * HOUR)
    page = client_for(world.cast.ben).get(f"/approvals/{request.public_id}", chosen)
    assert page.status_code == 400
    assert said in text_of(page)
    assert hidden_value(page, "payload_hash") == request.payload_hash
    assert "Approve for 2 h" in text_of(page)


def test_an_offer_that_was_tampered_with_signs_nothing(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY, lasts_s=2 * HOUR)
    ben = client_for(world.cast.ben)
    offered = ben.get(f"/approvals/{request.public_id}", {"offer": "time", "lasts_s": HOUR})
    sent = {name: hidden_value(offered, name) for name in ("payload_hash", "offered")}
    for other in (sent["offered"].replace("3600", "5400"), "[]", "{"):
        refused = ben.post(f"/approvals/{request.public_id}/approve", sent | {"offered": other})
        assert refused.status_code == 409
        assert "This request changed while you read. Read it again." in text_of(refused)
    assert not Verdict.objects.exists()
    assert ben.post(f"/approvals/{request.public_id}/approve", sent).status_code == 302


def test_who_cannot_answer_is_offered_nothing(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, FRONTIER, lasts_s=2 * HOUR)
    answer(request, world.cast.ben)
    page = client_for(world.cast.ben).get(f"/approvals/{request.public_id}", {"offer": "time", "lasts_s": HOUR})
    assert "Offer less" not in text_of(page)
    assert "for 2 hours" in heading_of(page)
    assert "Offer less" in text_of(client_for(world.cast.dora).get(f"/approvals/{request.public_id}"))

"""Talking about a request, and what became of it in order. Each refusal beside what goes through."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.access_requests import services
from jit_access.access_requests.changes import Change, register, unregister
from jit_access.access_requests.models import Comment
from jit_access.access_requests.services import commenting
from jit_access.access_requests.timeline import timeline_of
from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import CallerError, Conflict, PolicyRefusal
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.notifications.models import Notification
from tests.api.caller import Caller
from tests.conftest import Clock
from tests.support.lifecycles import FRONTIER, HOUR, TINY, World, answer, ask, fresh, reload, start
from tests.web.pages_of import text_of


def told(of: Comment) -> set[str]:
    rows = Notification.objects.filter(dedupe_key=f"request-comment:{of.public_id}")
    return set(rows.values_list("user__username", flat=True))


def test_both_sides_talk_and_are_told(world: World) -> None:
    request = ask(world, FRONTIER)
    asked = services.add_comment(actor=world.cast.ben, request=request, text="Why not the int8 weights?")
    assert told(asked) == {"ada"}
    answered = services.add_comment(actor=world.cast.ada, request=request, text="They lose the tail of the eval.")
    assert told(answered) == {"ben", "dora"}
    assert reload(request).state == RequestState.PENDING


def test_an_agents_request_is_talked_about_with_its_owner(world: World) -> None:
    request = ask(world, TINY, actor=world.cast.ci_bot)
    assert told(services.add_comment(actor=world.cast.ben, request=request, text="Which job is this?")) == {"ada"}
    by_owner = services.add_comment(actor=world.cast.ada, request=request, text="The nightly evaluation.")
    assert told(by_owner) == {"ben"}


@pytest.mark.parametrize("who", ["cleo", "dora"])
def test_who_has_no_part_in_it_does_not_write(world: World, who: str) -> None:
    """Dora audits: she reads it, and is not asked."""
    request = ask(world, TINY)
    with pytest.raises(PolicyRefusal) as refusal:
        services.add_comment(actor=getattr(world.cast, who), request=request, text="Hello")
    assert refusal.value.reason is Reason.NOT_AN_APPROVER
    assert AuditEntry.objects.filter(kind="request.comment.refused", reason=Reason.NOT_AN_APPROVER).count() == 1
    assert services.add_comment(actor=world.cast.ben, request=request, text="Hello").pk


@pytest.mark.parametrize("text", ["", "   \n ", "x" * 1001])
def test_a_comment_says_something_and_not_too_much(world: World, text: str) -> None:
    request = ask(world, TINY)
    with pytest.raises(CallerError) as refusal:
        services.add_comment(actor=world.cast.ben, request=request, text=text)
    assert refusal.value.reason is Reason.INVALID_INPUT
    assert services.add_comment(actor=world.cast.ben, request=request, text="x" * 1000).pk


def test_there_is_an_end_to_talking(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commenting, "MOST", 2)
    request = ask(world, TINY)
    for text in ("one", "two"):
        services.add_comment(actor=world.cast.ben, request=request, text=text)
    with pytest.raises(Conflict) as refusal:
        services.add_comment(actor=world.cast.ben, request=request, text="three")
    assert refusal.value.reason is Reason.TOO_MANY_COMMENTS


def test_a_double_click_is_one_comment(world: World, clock: Clock) -> None:
    request = ask(world, TINY)
    first = services.add_comment(actor=world.cast.ben, request=request, text="Why?")
    assert services.add_comment(actor=world.cast.ben, request=request, text="Why?").pk == first.pk
    clock.advance(minutes=2)
    assert services.add_comment(actor=world.cast.ben, request=request, text="Why?").pk != first.pk


def test_a_week_after_its_end_nothing_is_added(world: World, clock: Clock) -> None:
    request = answer(ask(world, TINY), world.cast.ben, is_approval=False, note="No")
    clock.advance(days=6)
    services.add_comment(actor=world.cast.ada, request=request, text="What would be enough?")
    clock.advance(days=2)
    with pytest.raises(Conflict) as refusal:
        services.add_comment(actor=world.cast.ada, request=request, text="Hello?")
    assert refusal.value.reason is Reason.COMMENTS_CLOSED


def test_rooms_above_hear_of_it(world: World) -> None:
    heard: list[Change] = []

    def hear(_request: object, change: Change) -> None:
        heard.append(change)

    request = ask(world, TINY)
    register(hear)
    try:
        services.add_comment(actor=world.cast.ben, request=request, text="Why?")
    finally:
        unregister(hear)
    assert heard == [Change.COMMENTED]


def test_the_timeline_tells_it_all_in_order(world: World) -> None:
    """Teleport #68308, #16301: history that goes with the request. Here it is read from the log, and stays."""
    request = ask(world, FRONTIER, lasts_s=2 * HOUR)
    services.add_comment(actor=world.cast.ben, request=request, text="Is an hour enough?")
    answer(request, world.cast.dora)
    offer = services.Offer(parse_scope(request.scope), HOUR)
    shown = services.preview_offer(actor=world.cast.ben, request=reload(request), offer=offer)
    said = services.make_answer(is_approval=True, note="", payload_hash=shown.payload_hash, assurance=fresh())
    services.approve_less(actor=world.cast.ben, request=request, offer=offer, answer=said)
    answer(reload(request), world.cast.dora, note="Fine")
    grant = start(Grant.objects.get())
    grants.revoke_grant(actor=world.cast.dora, grant=grant, note="The run is over")
    moments = timeline_of(request)
    assert [(moment.kind, moment.text) for moment in moments] == [
        ("request.submitted", ""),
        ("request.told", "Ben Okafor, Dora Okafor"),
        ("request.commented", "Is an hour enough?"),
        ("verdict.given", ""),
        ("request.narrowed", "1 h instead of 2 h"),
        ("verdict.voided", ""),
        ("verdict.given", ""),
        ("verdict.given", "Fine"),
        ("request.approved", ""),
        ("grant.activated", ""),
        ("grant.revoked", "The run is over"),
    ]
    assert [moment.who for moment in moments if moment.kind == "verdict.given"] == [
        "Dora Okafor",
        "Ben Okafor",
        "Dora Okafor",
    ]


@pytest.mark.django_db(transaction=True)
def test_on_the_pages(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY)
    ada, ben = client_for(world.cast.ada), client_for(world.cast.ben)
    sent = ben.post(f"/requests/{request.public_id}/comments", {"text": "Why <b>this</b> one?"})
    assert sent["Location"] == f"/approvals/{request.public_id}#talk"
    page = ada.get(f"/requests/{request.public_id}")
    assert "Ben Okafor wrote “Why <b>this</b> one?”" in text_of(page)
    assert "<b>this</b>" not in page.content.decode()
    assert "Told who may answer Ben Okafor" in text_of(page)
    answered = ada.post(f"/requests/{request.public_id}/comments", {"text": "It is the one that regressed."})
    assert answered["Location"] == f"/requests/{request.public_id}#talk"
    assert "Ada Okafor wrote “It is the one that regressed.”" in text_of(ben.get(f"/approvals/{request.public_id}"))
    empty = ada.post(f"/requests/{request.public_id}/comments", {"text": " "})
    assert (empty.status_code, "The comment is missing." in text_of(empty)) == (400, True)
    reader = client_for(world.cast.dora).get(f"/requests/{request.public_id}")
    assert "It is the one that regressed." in text_of(reader)
    assert "Send comment" not in text_of(reader)
    assert client_for(world.cast.cleo).get(f"/requests/{request.public_id}/comments").status_code == 404


def test_over_the_api(world: World) -> None:
    request = ask(world, TINY)
    ben = Caller(world.cast.ben)
    path = f"/requests/{request.public_id}"
    assert ben.post(f"{path}/comments", {"text": "Why?"}).status_code == 201
    [comment] = Caller(world.cast.dora).get(f"{path}/comments").json()["results"]
    assert (comment["author"]["name"], comment["text"]) == ("Ben Okafor", "Why?")
    refused = Caller(world.cast.dora).post(f"{path}/comments", {"text": "Because"})
    assert (refused.status_code, refused.json()["code"]) == (403, Reason.NOT_AN_APPROVER)
    assert Caller(world.cast.cleo).get(f"{path}/timeline").status_code == 404
    kinds = [moment["kind"] for moment in ben.get(f"{path}/timeline").json()["results"]]
    assert kinds == ["request.submitted", "request.told", "request.commented"]

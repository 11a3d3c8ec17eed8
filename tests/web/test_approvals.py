"""Deciding: what is signed is what is shown, and opening never decides."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.grants.models import Grant
from jit_access.notifications.models import Notification
from jit_access.web.presenters.words import ask_phrase
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, answer, ask, reload, start
from tests.support.sessions import code_now
from tests.web.pages_of import heading_of, hidden_value, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_page_says_who_asks_what_why_and_what_would_be_allowed(
    world: World, client_for: Callable[..., Client]
) -> None:
    request = ask(world, FRONTIER, lasts_s=2 * HOUR, ticket="EVAL-2231")
    page = client_for(world.cast.ben).get(f"/approvals/{request.public_id}")
    assert heading_of(page) == "Ada Okafor asks to pull a critical repository for 2 hours"
    text = text_of(page)
    for words in ("Waiting for you", "Evaluate the new checkpoint", "Ticket EVAL-2231", "The repository is critical."):
        assert words in text
    assert "Pull only: no push, no delete, no other repository." in text
    assert "Also needed 1 of Security" in text
    assert request.payload_hash[:16] in text
    assert "Approve for 2 h" in text
    assert not Verdict.objects.exists()


def test_approving_what_was_shown_decides(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY)
    ben = client_for(world.cast.ben)
    page = ben.get(f"/approvals/{request.public_id}")
    done = ben.post(f"/approvals/{request.public_id}/approve", {"payload_hash": hidden_value(page, "payload_hash")})
    assert done["Location"] == f"/approvals/{request.public_id}"
    assert reload(request).state == RequestState.APPROVED
    text = text_of(ben.get(done["Location"]))
    assert "Ada can start now, and was told." in text
    assert "Your answer" not in text


def test_approving_something_else_than_was_shown_decides_nothing(
    world: World, client_for: Callable[..., Client]
) -> None:
    request = ask(world, TINY)
    refused = client_for(world.cast.ben).post(f"/approvals/{request.public_id}/approve", {"payload_hash": "0" * 64})
    assert refused.status_code == 409
    assert "This request changed while you read. Read it again." in text_of(refused)
    assert reload(request).state == RequestState.PENDING


def test_after_the_first_of_two_it_says_who_is_next(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, FRONTIER)
    ben = client_for(world.cast.ben)
    ben.post(f"/approvals/{request.public_id}/approve", {"payload_hash": request.payload_hash})
    text = text_of(ben.get(f"/approvals/{request.public_id}"))
    assert "Approved. Dora still has to answer." in text


def test_a_stale_proof_is_mended_on_the_page_by_a_code(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY)
    ben = client_for(world.cast.ben, "stale")
    path, sent = f"/approvals/{request.public_id}/approve", {"payload_hash": request.payload_hash}
    page = text_of(ben.get(f"/approvals/{request.public_id}"))
    assert "Code from your authenticator" in page
    assert "Your last proof is 25 min old; this needs one from the last 15 min." in page
    without = ben.post(path, sent)
    assert without.status_code == 422
    assert reload(request).state == RequestState.PENDING
    wrong = ben.post(path, sent | {"code": "000000" if code_now() != "000000" else "111111"})
    assert wrong.status_code == 422
    assert "That code does not match." in text_of(wrong)
    assert reload(request).state == RequestState.PENDING
    assert ben.post(path, sent | {"code": code_now()}).status_code == 302
    assert reload(request).state == RequestState.APPROVED


def test_denying_tells_the_requester_why(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY)
    ben = client_for(world.cast.ben)
    page = ben.get(f"/approvals/{request.public_id}/deny")
    assert heading_of(page) == f"Deny Ada’s pull of {TINY}?"
    ben.post(
        f"/approvals/{request.public_id}/deny",
        {"payload_hash": hidden_value(page, "payload_hash"), "note": "Use the int8 weights."},
    )
    assert reload(request).state == RequestState.DENIED
    text = text_of(client_for(world.cast.ada).get(f"/requests/{request.public_id}"))
    assert "Denied by Ben. “Use the int8 weights.”" in text


def test_nobody_approves_their_own_request(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, TINY)
    ada = client_for(world.cast.ada)
    page = text_of(ada.get(f"/approvals/{request.public_id}"))
    assert "Nobody approves their own request." in page
    assert "Your answer" not in page
    refused = ada.post(f"/approvals/{request.public_id}/approve", {"payload_hash": request.payload_hash})
    assert refused.status_code == 403
    assert reload(request).state == RequestState.PENDING


def test_already_decided_says_by_whom(world: World, client_for: Callable[..., Client]) -> None:
    request = ask(world, FRONTIER)
    answer(request, world.cast.dora, is_approval=False, note="no")
    late = client_for(world.cast.ben).post(
        f"/approvals/{request.public_id}/approve", {"payload_hash": request.payload_hash}
    )
    assert late.status_code == 409
    assert "This request was denied already by Dora Okafor." in text_of(late)


def test_the_queue_is_there_for_those_who_decide_and_nowhere_else(
    world: World, client_for: Callable[..., Client]
) -> None:
    request = ask(world, TINY)
    ben = client_for(world.cast.ben)
    queue = ben.get("/approvals")
    assert "One question waits for you." in text_of(queue)
    assert f"/approvals/{request.public_id}" in queue.content.decode()
    cleo = client_for(world.cast.cleo)
    assert cleo.get("/approvals").status_code == 404
    assert cleo.get(f"/approvals/{request.public_id}").status_code == 404
    assert 'href="/approvals"' in ben.get("/access").content.decode()
    assert 'href="/approvals"' not in cleo.get("/access").content.decode()


def _of_two(world: World) -> AccessRequest:
    parts = [
        ResourceScope(BASE, frozenset({Operation.PULL, Operation.PUSH})),
        ResourceScope(TINY, frozenset({Operation.PULL})),
    ]
    return ask(world, scope=make_scope(parts))


def test_several_repositories_are_each_shown_with_what_is_asked_on_them(
    world: World, client_for: Callable[..., Client]
) -> None:
    request = _of_two(world)
    assert request.state == RequestState.PENDING
    ben, ada = client_for(world.cast.ben), client_for(world.cast.ada)
    page = ben.get(f"/approvals/{request.public_id}")
    asked = f"to pull {TINY}, and to pull and push to {BASE}, for 1 hour"
    assert heading_of(page) == f"Ada Okafor asks {asked}"
    each = f"demo-registry/ {TINY} Pull Sensitive demo-registry/ {BASE} Pull and push Standard"
    assert text_of(page).index(each) < text_of(page).index("Risk")
    assert each in text_of(ben.get("/approvals"))
    own = ada.get(f"/requests/{request.public_id}")
    assert heading_of(own) == f"You asked {asked}"
    assert each in text_of(own)
    assert each in text_of(ada.get("/access"))
    deny = text_of(ben.get(f"/approvals/{request.public_id}/deny"))
    assert f"Deny Ada’s access to {TINY} (pull) and {BASE} (pull and push)?" in deny


def test_a_mail_names_every_repository_with_what_is_asked_on_it(world: World) -> None:
    request = _of_two(world)
    told = Notification.objects.get(user=world.cast.ben, kind="request-waits")
    assert told.subject.endswith("Ada Okafor asks to use 2 repositories at demo-registry for 1 h")
    assert f"pull demo-registry/{TINY} (sensitive)" in told.text
    assert f"pull and push demo-registry/{BASE} (standard)" in told.text
    answer(request, world.cast.ben)
    outcome = Notification.objects.get(user=world.cast.ada, kind="request-approved")
    assert f"pull and push demo-registry/{BASE}" in outcome.text


def test_a_card_shows_each_repository_with_what_may_be_done_on_it(
    world: World, client_for: Callable[..., Client]
) -> None:
    grant = start(Grant.objects.get(request=answer(_of_two(world), world.cast.ben)))
    ada = client_for(world.cast.ada)
    each = f"demo-registry/ {TINY} Pull Sensitive demo-registry/ {BASE} Pull and push Standard"
    assert each in text_of(ada.get("/access"))
    end = text_of(ada.get(f"/access/{grant.public_id}/end"))
    assert f"End your access to {TINY} (pull) and {BASE} (pull and push)?" in end


def test_the_sentence_of_many_repositories_names_none_with_the_operation_of_another() -> None:
    parts = [ResourceScope(f"llm/{name}", frozenset({Operation.PULL})) for name in "abc"]
    uniform = make_scope(parts)
    assert ask_phrase(uniform, Tier.CRITICAL, HOUR) == "pull llm/a, llm/b and llm/c, for 1 hour"
    more = make_scope([*parts, ResourceScope("llm/d", frozenset({Operation.DELETE}))])
    assert ask_phrase(more, Tier.CRITICAL, HOUR) == "use 4 repositories, the strictest critical, for 1 hour"

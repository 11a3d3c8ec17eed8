"""Break-glass on pages: from a request that waits or was denied, with the name typed and a code, to the review."""

from __future__ import annotations

import pytest

from jit_access.access_requests.models import BreakGlassReview
from jit_access.domain.reasons import Reason
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.targets.models import Repository
from tests.support.cast import Cast
from tests.support.lifecycles import FRONTIER, TINY, World, answer, ask, make_world
from tests.support.sessions import code_now

pytestmark = pytest.mark.django_db
WHY = "Production serves wrong answers until this model is rolled back"
NEW = "/break-glass/new"


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def form(request_id: str, **changes: str) -> dict[str, str]:
    return {"request": request_id, "purpose": WHY, "typed": TINY, "code": code_now()} | changes


@pytest.mark.parametrize("is_denied", [False, True])
def test_from_what_waits_or_was_denied_to_the_review(world: World, client_for, *, is_denied: bool) -> None:
    ada, dora = client_for(world.cast.ada), client_for(world.cast.dora)
    request = ask(world, TINY)
    if is_denied:
        answer(request, world.cast.ben, is_approval=False, note="Not now")
    page = ada.get(f"/requests/{request.public_id}").content.decode()
    assert f"{NEW}?request={request.public_id}" in page
    asked = ada.get(f"{NEW}?request={request.public_id}").content.decode()
    assert "30 min, everyone in Security is told now. No approval is needed." in asked
    assert "Ben Okafor" in asked
    assert not Grant.objects.exists()
    opened = ada.post(NEW, form(request.public_id), follow=True)
    assert opened.redirect_chain[-1][0] == "/access"
    text = opened.content.decode()
    assert "Open for 30 min, without approval." in text
    assert "Opened by break-glass, reviewed by Security" in text
    grant, review = Grant.objects.get(), BreakGlassReview.objects.get()
    assert (
        "Break-glass: Ada Okafor has demo-registry/llm/tiny-llama open without approval"
        in dora.get("/access").content.decode()
    )
    assert "Break-glass: Ada" not in client_for(world.cast.ben).get("/approvals").content.decode()
    here = f"/break-glass/{review.public_id}"
    shown = dora.get(here).content.decode()
    assert "It still runs." in shown
    assert f"/activity?grant={grant.public_id}" in shown
    assert "Skipped" in ada.get(f"/requests/{grant.request.public_id}").content.decode()
    grants.relinquish_grant(actor=world.cast.ada, grant=grant)
    wrong = dora.post(here, {"verdict": "", "note": "Rolled back, nothing else was read"})
    assert (wrong.status_code, "Choose a verdict." in wrong.content.decode()) == (422, True)
    closed = dora.post(here, {"verdict": "yes", "note": "Rolled back, nothing else was read"}, follow=True)
    assert "The review is closed." in closed.content.decode()
    assert "Justified" in closed.content.decode()
    assert ada.get(here).status_code == 200  # whoever opened it reads the verdict
    assert client_for(world.cast.ben).get(here).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"typed": "llm/tiny"}, 422, "Type llm/tiny-llama to confirm."),
        ({"purpose": "Urgent"}, 422, "Say what harm waiting does"),
        ({"code": ""}, 422, "Type the code that your app shows now."),
        ({"code": "000000"}, 422, "That code does not match."),
    ],
)
def test_each_of_the_three_is_asked_for(world: World, client_for, changes, status: int, sentence: str) -> None:
    ada, request = client_for(world.cast.ada), ask(world, TINY)
    refused = ada.post(NEW, form(request.public_id, **changes))
    assert refused.status_code == status
    assert sentence in refused.content.decode()
    assert not Grant.objects.exists()
    assert ada.post(NEW, form(request.public_id)).status_code == 302  # none of this used up the code


def test_it_is_offered_on_the_form_only_where_a_rule_has_it(world: World, client_for) -> None:
    ada = client_for(world.cast.ada)
    for name, is_offered in ((TINY, True), (FRONTIER, False)):
        row = Repository.objects.get(name=name)
        page = ada.get(f"/requests/new?resource={row.public_id}&operations=pull").content.decode()
        address = f"{NEW}?resource={row.public_id}&amp;operations=pull"
        assert (address in page) is is_offered
        asked = ada.get(address.replace("&amp;", "&")).content.decode()
        assert (Reason.BREAK_GLASS_NOT_OFFERED in asked) is not is_offered
    tiny = Repository.objects.get(name=TINY)
    sent = form("") | {"resource": tiny.public_id, "operations": "pull"}
    del sent["request"]
    assert ada.post(NEW, sent).status_code == 302


def test_nobody_breaks_it_for_somebody_else(world: World, client_for) -> None:
    request = ask(world, TINY)
    for who in (world.cast.ben, world.cast.cleo, world.cast.dora):
        assert client_for(who).get(f"{NEW}?request={request.public_id}").status_code == 404
        assert client_for(who).post(NEW, form(request.public_id)).status_code == 404
    assert not Grant.objects.exists()


def test_an_overdue_review_is_said_on_every_page_of_security(world: World, client_for, clock) -> None:
    request = ask(world, TINY)
    client_for(world.cast.ada).post(NEW, form(request.public_id))
    clock.advance(hours=25)
    grants.expire_due_grants()
    assert "1 break-glass review is overdue." in client_for(world.cast.dora).get("/locks").content.decode()
    assert "overdue" not in client_for(world.cast.ben).get("/approvals").content.decode()

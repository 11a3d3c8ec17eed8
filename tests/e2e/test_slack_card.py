"""From the card in Slack to the answer, in a real browser of a phone's size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from jit_access.domain.lifecycle import RequestState
from jit_access.notifications.routes import TypedRoute, set_routes
from jit_access.slack.outbox import deliver_due
from tests.e2e.conftest import Visitor
from tests.support.lifecycles import TINY, World, ask, reload
from tests.support.sessions import code_now
from tests.support.slack.sender import SECRET
from tests.support.slack.server import APP, TEAM, TOKEN, LoopbackSlack, running_slack

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CHANNEL = "C0WEIGHTS1"


@pytest.fixture
def slack(settings, live_server) -> Iterator[LoopbackSlack]:
    with running_slack() as running:
        settings.SLACK_BASE_URL, settings.PUBLIC_URL = running.base_url, live_server.url
        settings.SLACK_BOT_TOKEN, settings.SLACK_SIGNING_SECRET = TOKEN, SECRET
        settings.SLACK_TEAM_ID, settings.SLACK_APP_ID = TEAM, APP
        yield running


def test_review_on_a_phone_answers_and_the_card_follows(
    world: World, visit: Callable[..., Visitor], slack: LoopbackSlack
) -> None:
    nobody = TypedRoute((), ())
    set_routes(actor=world.cast.ben, target=world.target, first=TypedRoute((CHANNEL,), ()), escalation=nobody)
    request = ask(world, TINY)
    deliver_due()
    (card,) = slack.in_channel(CHANNEL)
    ben = visit(world.cast.ben, factor="stale", width=390)
    page = ben.page
    page.goto(card.button("review")["url"])
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ada Okafor asks to pull")
    assert reload(request).state == RequestState.PENDING  # opening never decides
    page.get_by_label("Code from your authenticator").first.fill(code_now())
    page.get_by_role("button", name="Approve for 1 h").click()
    expect(page.get_by_text("Ada can start now, and was told.")).to_be_visible()
    deliver_due()
    assert card.said.startswith("Approved by Ben Okafor")
    assert card.buttons == []
    assert ben.complaints == []


def test_link_page_on_a_phone(world: World, visit: Callable[..., Visitor], slack: LoopbackSlack) -> None:
    ben = visit(world.cast.ben, width=390)
    page = ben.go("/settings/slack")
    page.get_by_role("button", name="Get a code").click()
    expect(page.get_by_text("/access link ")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    assert ben.complaints == []

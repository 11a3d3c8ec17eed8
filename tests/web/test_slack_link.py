"""Linking by page: three steps, a fresh second factor where power is added, and nothing where Slack is off."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from jit_access.notifications import slack_links
from jit_access.notifications.slack_links import SlackAccount
from tests.support.cast import Cast
from tests.support.sessions import signed_in
from tests.web.pages_of import heading_of, text_of

pytestmark = pytest.mark.django_db
BEN = SlackAccount("T0TEAM", "U0BEN", "ben <b>")


@pytest.fixture(autouse=True)
def slack_on(settings) -> None:
    settings.SLACK_TEAM_ID = "T0TEAM"


def send_code(client: Client) -> None:
    shown = client.post("/settings/slack/code")
    code = re.search(r"/access link ([a-z2-7]{5}-[a-z2-7]{5})<", shown.content.decode())
    assert code
    slack_links.redeem_code(code_hash=slack_links.hash_code(code[1]), account=BEN)


def test_three_steps_link_an_account(cast: Cast) -> None:
    ben = signed_in(cast.ben, "fresh")
    assert "Not linked" in text_of(ben.get("/settings"))
    assert heading_of(ben.get("/settings/slack")) == "Link your Slack account"
    send_code(ben)
    waiting = ben.get("/settings/slack")
    assert heading_of(waiting) == "Is this your Slack account?"
    assert "ben &lt;b&gt;" in waiting.content.decode()
    assert ben.post("/settings/slack/confirm", {"slack_user_id": "U0BEN"}).status_code == 302
    assert slack_links.linked_user(BEN) == cast.ben
    assert heading_of(ben.get("/settings/slack")) == "Your Slack account is linked"
    assert heading_of(ben.get("/settings/slack/unlink")).startswith("Unlink")
    ben.post("/settings/slack/unlink")
    assert slack_links.linked_user(BEN) is None


@pytest.mark.parametrize("path", ["/settings/slack/code", "/settings/slack/confirm"])
def test_stale_factor_is_asked_for_anew(cast: Cast, path: str) -> None:
    stale = signed_in(cast.ben, "stale")
    answered = stale.post(path, {"slack_user_id": "U0BEN"})
    assert answered.status_code == 302
    assert answered["Location"].startswith("/second-factor?next=%2Fsettings%2Fslack")


def test_another_account_than_was_shown_is_not_linked(cast: Cast) -> None:
    ben = signed_in(cast.ben, "fresh")
    send_code(ben)
    ben.post("/settings/slack/confirm", {"slack_user_id": "U0OTHER"})
    assert slack_links.linked_user(BEN) is None
    ben.post("/settings/slack/unlink")  # "That is not me"
    assert slack_links.link_of(cast.ben) is None


def test_looking_changes_nothing(cast: Cast) -> None:
    ben = signed_in(cast.ben, "fresh")
    assert ben.get("/settings/slack/code").status_code == 302
    assert ben.get("/settings/slack/confirm").status_code == 405
    send_code(ben)
    ben.get("/settings/slack/unlink")
    assert slack_links.waiting_link_of(cast.ben)
    assert ben.post("/settings/slack").status_code == 302


def test_where_slack_is_off_there_is_no_page(cast: Cast, settings) -> None:
    settings.SLACK_TEAM_ID = ""
    ben = signed_in(cast.ben, "fresh")
    assert ben.get("/settings/slack").status_code == 404
    assert "Slack" not in text_of(ben.get("/settings"))

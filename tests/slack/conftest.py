"""A workspace in which Ben and Dora are linked, with the gateway's app in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jit_access.accounts.models import User
from jit_access.notifications import slack_links
from jit_access.notifications.routes import TypedRoute, set_routes
from jit_access.notifications.slack_links import SlackAccount
from jit_access.slack.clicks import work_due
from jit_access.slack.outbox import deliver_due
from tests.support.cast import Cast
from tests.support.lifecycles import World, make_world
from tests.support.slack.policies import load_chat_policy
from tests.support.slack.sender import SECRET, SlackSender
from tests.support.slack.server import APP, TEAM, TOKEN, LoopbackSlack, Message, running_slack

CHANNEL, SECURITY_CHANNEL = "C0WEIGHTS1", "C0SECURITY"
IDS = {"ben": "U0BEN", "dora": "U0DORA", "ada": "U0ADA", "cleo": "U0CLEO"}


@dataclass
class Workspace:
    """Both halves of Slack, our world, and what people do in it."""

    world: World
    slack: LoopbackSlack
    sender: SlackSender

    @property
    def cast(self) -> Cast:
        return self.world.cast

    def settle(self, rounds: int = 3) -> None:
        """What the worker does within seconds."""
        for _ in range(rounds):
            work_due()
            deliver_due()

    def card(self, channel: str = CHANNEL) -> Message:
        (found,) = [one for one in self.slack.in_channel(channel) if not one.only_for and "thread_ts" not in one.body]
        return found

    def whispers(self, who: str) -> list[str]:
        return [one.said for one in self.slack.messages if one.only_for == IDS[who]]


def link(user: User, slack_id: str) -> None:
    """Both sides have spoken."""
    code = slack_links.make_code(actor=user).reveal()
    account = SlackAccount(TEAM, slack_id, user.username)
    slack_links.redeem_code(code_hash=slack_links.hash_code(code), account=account)
    slack_links.confirm_link(actor=user, slack_user_id=slack_id)


@pytest.fixture
def slack(settings) -> Iterator[LoopbackSlack]:
    with running_slack() as running:
        settings.SLACK_BASE_URL = running.base_url
        settings.SLACK_BOT_TOKEN, settings.SLACK_SIGNING_SECRET = TOKEN, SECRET
        settings.SLACK_TEAM_ID, settings.SLACK_APP_ID = TEAM, APP
        settings.SLACK_SECURITY_CHANNEL = SECURITY_CHANNEL
        for slack_id in IDS.values():
            running.add_user(slack_id)
        yield running


@pytest.fixture
def space(slack: LoopbackSlack, cast: Cast, tmp_path: Path) -> Workspace:
    """Requests of the target go to one channel; everybody of the cast is linked but Cleo."""
    world = make_world(cast)
    load_chat_policy(tmp_path / "policy")
    for who in ("ada", "ben", "dora"):
        link(getattr(cast, who), IDS[who])
    set_routes(actor=cast.ben, target=world.target, first=TypedRoute((CHANNEL,), ()), escalation=TypedRoute((), ()))
    return Workspace(world, slack, SlackSender())

"""Is this somebody of our own workspace? Asked of Slack's directory each time something would count."""

from __future__ import annotations

from typing import Final

from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.slack.app import SlackApp
from jit_access.slack.client import SlackClient, SlackFailure

_STRANGERS: Final = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "is_workflow_bot")


def check_member(client: SlackClient, app: SlackApp, user_id: str) -> str:
    """The name that Slack gives a full member. A field that is missing is no proof, except of the rarer kinds.

    Raises: PolicyRefusal (slack-guest) for guests, bots, people of other workspaces and whoever left; SlackFailure.
    """
    try:
        user = client.describe_user(user_id)
    except SlackFailure as failure:
        if failure.retryable:
            raise
        raise PolicyRefusal(Reason.SLACK_GUEST) from failure
    is_ours = user.get("id") == user_id and user.get("team_id") == app.team_id
    if not is_ours or "is_restricted" not in user or any(user.get(name) for name in _STRANGERS):
        raise PolicyRefusal(Reason.SLACK_GUEST)
    return str(user.get("real_name") or user.get("name") or "")

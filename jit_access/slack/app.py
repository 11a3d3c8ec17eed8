"""The one Slack app and workspace that this gateway talks to, from the settings. None of it: the room is off."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from jit_access.core.secret import Secret


@dataclass(frozen=True, slots=True)
class SlackApp:
    """What an operator was given by Slack, and the workspace it is for."""

    base_url: str
    bot_token: Secret
    signing_secret: Secret
    team_id: str
    app_id: str
    security_channel: str = ""


def configured_app() -> SlackApp | None:
    """None while Slack is not set up; then no route answers and nothing is written."""
    if not settings.SLACK_TEAM_ID:
        return None
    return SlackApp(
        base_url=settings.SLACK_BASE_URL,
        bot_token=Secret(settings.SLACK_BOT_TOKEN),
        signing_secret=Secret(settings.SLACK_SIGNING_SECRET),
        team_id=settings.SLACK_TEAM_ID,
        app_id=settings.SLACK_APP_ID,
        security_channel=settings.SLACK_SECURITY_CHANNEL,
    )

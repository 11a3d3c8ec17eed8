"""The link to Slack in words. Names come from Slack and are shown as what they are: a claim beside the id."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse

from jit_access.notifications.models import SlackLink
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact
from jit_access.web.viewmodels.security import SettingRow
from jit_access.web.viewmodels.slack_link import SlackLinkPage


def slack_row(link: SlackLink | None) -> SettingRow:
    """In Security settings."""
    badge: Badge | None = None
    note = "Not linked: cards in Slack lead you here, and their buttons do not count for you."
    if link is not None and link.confirmed_at is not None:
        badge = Badge("Linked", "check", "live")
        note = f"{link.slack_name} ({link.slack_user_id}). Its clicks count as yours."
    elif link is not None:
        badge = Badge("Waits for you", "clock", "wait")
        note = "A Slack account sent your code and waits for your word."
    return SettingRow("Slack", note, badge, action=Action("Open", reverse("web:settings-slack")))


def start_page() -> SlackLinkPage:
    """Nothing is linked."""
    return SlackLinkPage(
        title="Link your Slack account",
        lead="You get a code here, send it to the gateway in Slack, and come back to say that it was you. Then the "
        "buttons of cards in Slack count as yours.",
        verb="Get a code",
        post_href=reverse("web:settings-slack-code"),
    )


def code_page(code: str) -> SlackLinkPage:
    """The one page that shows the code."""
    return SlackLinkPage(
        title="Send this in Slack",
        lead="Type it into any conversation; nobody else sees it. It works once, for 10 minutes. Then come back here.",
        command=f"/access link {code}",
        verb="I have sent it",
        post_href=reverse("web:settings-slack"),
    )


def waiting_page(link: SlackLink, now: datetime) -> SlackLinkPage:
    """A Slack account sent the code. Only the person knows whether it is theirs."""
    return SlackLinkPage(
        title="Is this your Slack account?",
        lead="It sent your code. If you say yes, whoever is signed in to it answers requests in your name.",
        badge=Badge("Waits for you", "clock", "wait"),
        facts=_facts(link, f"{figures.ago(link.seen_at, now)}"),
        slack_user_id=link.slack_user_id,
        verb="That is me",
        post_href=reverse("web:settings-slack-confirm"),
        other_verb="That is not me",
        other_href=reverse("web:settings-slack-unlink"),
    )


def linked_page(link: SlackLink) -> SlackLinkPage:
    """What is linked, and the way out."""
    since = figures.day(link.confirmed_at) if link.confirmed_at else ""
    return SlackLinkPage(
        title="Your Slack account is linked",
        lead="Deny in Slack counts at once. Approve is offered there only for what policy opens, and counts beside a "
        "second factor that you proved here just now.",
        badge=Badge("Linked", "check", "live"),
        facts=_facts(link, f"Linked since {since}"),
        other_verb="Unlink it",
        other_href=reverse("web:settings-slack-unlink"),
    )


def unlink_confirm(link: SlackLink) -> Confirm:
    """What stops counting."""
    return Confirm(
        id="unlink",
        title=f"Unlink {link.slack_name or link.slack_user_id}?",
        effect="Its clicks count for nobody from now on. What it answered before stands.",
        verb="Unlink it",
        keep="Keep it",
        post_href=reverse("web:settings-slack-unlink"),
        back_href=reverse("web:settings-slack"),
    )


def _facts(link: SlackLink, when: str) -> tuple[Fact, ...]:
    return (
        Fact("Name in Slack", link.slack_name or "–", "as Slack says it; anybody can take a name"),
        Fact("Slack user", link.slack_user_id, f"in workspace {link.team_id}", is_mono=True),
        Fact("When", when),
    )

"""Webhooks in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.domain.reasons import Reason, explain
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Fact, Field
from jit_access.web.viewmodels.webhooks import DeliveryRow, WebhookSecretPage, WebhookSection
from jit_access.webhooks.addresses import MAX_URL_CHARS
from jit_access.webhooks.models import Delivery, Webhook
from jit_access.webhooks.services import Registered

_NONE = "Its server can be told when a request is decided or a grant moves, instead of asking again and again."
_WORDS = {
    "no-answer": "It did not answer.",
    "address-refused": "Its name leads to a private address, where nothing is sent.",
    "not-http": "It answered with something that is not HTTP.",
}


def home_of(agent: User) -> str:
    return reverse("web:agent", args=[agent.public_id])


def build_section(agent: User, webhook: Webhook | None, rows: Sequence[Delivery], now: datetime) -> WebhookSection:
    change = _href("agent-webhook", agent)
    if webhook is None:
        add = Action("Add a webhook", change, "plus", "small")
        return WebhookSection("", None, _NONE, (), (), (add,), "")
    actions = (
        Action("Change address", change, style="small"),
        Action("New secret", _href("agent-webhook-rotate", agent), style="small"),
        Action("Remove", _href("agent-webhook-remove", agent), style="small"),
    )
    return WebhookSection(
        url=webhook.url,
        badge=_badge(webhook),
        note=explain(Reason(webhook.disabled_because)) if webhook.disabled_at is not None else "",
        facts=_facts(webhook, now),
        rows=tuple(_row(row, now) for row in rows),
        actions=actions,
        test_href="" if webhook.disabled_at is not None else _href("agent-webhook-test", agent),
    )


def address_form(agent: User, url: str, problem: str = "") -> Confirm:
    hint = "It gets ids and states of this agent’s requests and grants, signed, and no secret."
    return Confirm(
        id="webhook",
        title=f"Where is {agent.display_name}’s server told?",
        effect="The next page shows the secret to verify with, once. Changing the address keeps the secret.",
        verb="Save",
        keep="Keep it as it is",
        post_href=_href("agent-webhook", agent),
        back_href=home_of(agent),
        is_danger=False,
        fields=(
            Field(
                "url",
                "Address",
                url,
                kind="url",
                hint=hint,
                error=problem,
                max_chars=MAX_URL_CHARS,
                placeholder="https://ci.example.com/access-news",
            ),
        ),
    )


def rotate_confirm(agent: User) -> Confirm:
    return Confirm(
        id="webhook-rotate",
        title=f"Make a new secret for {agent.display_name}’s webhook?",
        effect="For 24 hours messages are signed with both, so that nothing is lost while you replace the old one.",
        verb="Make it",
        keep="Keep the old one",
        post_href=_href("agent-webhook-rotate", agent),
        back_href=home_of(agent),
        is_danger=False,
    )


def remove_confirm(agent: User) -> Confirm:
    return Confirm(
        id="webhook-remove",
        title=f"Remove {agent.display_name}’s webhook?",
        effect="Nothing is sent there any more, and what waits to be sent is dropped.",
        verb="Remove webhook",
        keep="Keep it",
        post_href=_href("agent-webhook-remove", agent),
        back_href=home_of(agent),
    )


def secret_page(agent: User, made: Registered) -> WebhookSecretPage:
    return WebhookSecretPage(
        title=f"Secret of {agent.display_name}’s webhook",
        secret=made.secret.reveal(),
        more="It is kept sealed. Every message carries a signature made with it.",
        back=Action(f"Back to {agent.display_name}", home_of(agent), "back"),
    )


def _href(name: str, agent: User) -> str:
    return reverse(f"web:{name}", args=[agent.public_id])


def _badge(webhook: Webhook) -> Badge:
    if webhook.disabled_at is not None:
        return Badge("Off", "stop", "stop")
    return Badge("Failing", "alert", "wait") if webhook.failing_since is not None else Badge("On", "check", "live")


def _facts(webhook: Webhook, now: datetime) -> tuple[Fact, ...]:
    facts = []
    if webhook.failing_since is not None:
        facts.append(Fact("Failing since", figures.ago(webhook.failing_since, now)))
    if webhook.old_until is not None and webhook.old_until > now:
        facts.append(Fact("Old secret signs until", figures.end_time(webhook.old_until, now)))
    return tuple(facts)


def _row(row: Delivery, now: datetime) -> DeliveryRow:
    note = _WORDS.get(row.outcome, f"It answered {row.outcome}." if row.outcome else "On its way.")
    tries = f" {row.attempts} attempts." if row.attempts > 1 else ""
    return DeliveryRow(row.kind, _outcome(row), f"{figures.ago(row.created_at, now)}. {note}{tries}")


def _outcome(row: Delivery) -> Badge:
    if row.sent_at is not None:
        return Badge("Delivered", "check", "live")
    return Badge("Given up", "stop", "stop") if row.given_up_at is not None else Badge("Waits", "clock", "wait")

"""Every write that an owner makes: register, move, rotate, switch on again, try, remove. Fresh factor, in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.core.sealing import seal
from jit_access.core.secret import Secret
from jit_access.domain.errors import Conflict, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, check_fresh
from jit_access.webhooks.addresses import check_url
from jit_access.webhooks.models import Delivery, Webhook
from jit_access.webhooks.outbox import leave, secret_context
from jit_access.webhooks.signing import new_secret

OVERLAP: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Registered:
    """A webhook with its secret, which is shown once."""

    webhook: Webhook
    secret: Secret


def register_webhook(*, actor: User, agent: User, url: str, assurance: Assurance) -> Registered:
    """Tell this agent's news there. Raises: Conflict (webhook-exists); CallerError; PolicyRefusal; NotFound."""
    _require(actor, agent, assurance)
    place, secret = check_url(url), new_secret()
    try:
        with audited(actor=actor.ref) as audit:
            webhook = Webhook(agent=agent, registered_by=actor, url=place, sealed_secret="")
            with transaction.atomic():
                webhook.save()
            webhook.sealed_secret = seal(secret.reveal().encode(), context=secret_context(webhook))
            webhook.save(update_fields=["sealed_secret"])
            audit.record("webhook.registered", detail=_facts(webhook))
    except IntegrityError as exc:
        raise Conflict(Reason.WEBHOOK_EXISTS) from exc
    return Registered(webhook, secret)


def change_webhook(*, actor: User, agent: User, url: str, assurance: Assurance) -> Webhook:
    """Another address; and it is switched on again where it was off. Raises: as `register_webhook`."""
    _require(actor, agent, assurance)
    place = check_url(url)
    with audited(actor=actor.ref) as audit:
        webhook = _lock(agent)
        webhook.url, webhook.registered_by = place, actor
        webhook.failing_since, webhook.disabled_at, webhook.disabled_because = None, None, ""
        webhook.save()
        audit.record("webhook.changed", detail=_facts(webhook))
    return webhook


def rotate_secret(*, actor: User, agent: User, assurance: Assurance) -> Registered:
    """A new secret. The old one signs beside it for a day. Raises: as `register_webhook`."""
    _require(actor, agent, assurance)
    with audited(actor=actor.ref) as audit:
        webhook, secret = _lock(agent), new_secret()
        webhook.sealed_old_secret, webhook.old_until = webhook.sealed_secret, clock.now() + OVERLAP
        webhook.sealed_secret = seal(secret.reveal().encode(), context=secret_context(webhook))
        webhook.save()
        audit.record("webhook.rotated", detail=_facts(webhook))
    return Registered(webhook, secret)


def remove_webhook(*, actor: User, agent: User, assurance: Assurance) -> None:
    """Tell nobody any more. What waits is dropped. Raises: as `register_webhook`."""
    _require(actor, agent, assurance)
    with audited(actor=actor.ref) as audit:
        webhook = _lock(agent)
        audit.record("webhook.removed", detail=_facts(webhook))
        webhook.delete()


def try_webhook(*, actor: User, agent: User) -> Delivery:
    """A message that says nothing, so that a receiver can be tried. Raises: NotFound; Conflict when it is off."""
    _require_owner(actor, agent)
    with audited(actor=actor.ref) as audit:
        webhook = _lock(agent)
        if webhook.disabled_at is not None:
            raise Conflict(Reason(webhook.disabled_because))
        audit.record("webhook.tried", detail=_facts(webhook))
        return leave(webhook, kind="webhook.test", facts={})


def _require(actor: User, agent: User, assurance: Assurance) -> None:
    _require_owner(actor, agent)
    try:
        check_fresh(assurance, max_age_s=STEP_UP_MAX_AGE_S)
    except PolicyRefusal as refusal:
        record_refusal(
            actor=actor.ref, kind="webhook.refused", reason=refusal.reason, detail={"agent": agent.public_id}
        )
        raise


def _require_owner(actor: User, agent: User) -> None:
    """A person who answers for it now; agents do not decide where their own news goes."""
    if not actor.is_person or agent.owner_id != actor.pk:
        raise NotFound


def _lock(agent: User) -> Webhook:
    webhook = Webhook.objects.select_for_update().filter(agent=agent).first()
    if webhook is None:
        raise NotFound
    return webhook


def _facts(webhook: Webhook) -> dict[str, str | int | bool]:
    """The host alone: the rest of an address may be what keeps it secret."""
    host = urlsplit(webhook.url).hostname or ""
    return {"webhook": webhook.public_id, "agent": webhook.agent.public_id, "host": host}

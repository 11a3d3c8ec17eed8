"""What happens elsewhere in the house, as rows of ours. Runs inside the transaction of the change."""

from __future__ import annotations

from typing import Final

from jit_access.access_requests.changes import Change
from jit_access.access_requests.models import AccessRequest
from jit_access.accounts.models import User
from jit_access.domain.lifecycle import GrantState
from jit_access.grants.models import Grant
from jit_access.webhooks.models import Webhook
from jit_access.webhooks.outbox import leave

# Nothing of the request changed: people are reminded, not agents.
_NO_NEWS: Final = frozenset({Change.REMINDED, Change.ESCALATED})
# On the way to a state that is told.
_IN_BETWEEN: Final = frozenset({GrantState.ACTIVATING})


def follow_request(request: AccessRequest, change: Change) -> None:
    """Handler of `access_requests.changes`."""
    webhook = None if change in _NO_NEWS else _webhook_of(request.requester)
    if webhook is None:
        return
    grant = Grant.objects.filter(request=request).values_list("public_id", flat=True).first()
    facts = {"request": request.public_id, "grant": grant, "state": str(request.state), "reason": request.end_reason}
    leave(webhook, kind=f"request.{change}", facts=facts)


def follow_grant(grant: Grant) -> None:
    """Handler of `grants.changes`."""
    webhook = None if grant.state in _IN_BETWEEN else _webhook_of(grant.subject)
    if webhook is not None:
        facts = {
            "request": grant.request.public_id,
            "grant": grant.public_id,
            "state": str(grant.state),
            "reason": grant.end_reason,
        }
        leave(webhook, kind=f"grant.{grant.state}", facts=facts)


def _webhook_of(account: User) -> Webhook | None:
    """People have none, so their changes cost no query."""
    if account.is_person:
        return None
    return Webhook.objects.filter(agent=account, disabled_at=None).first()

"""What the movable names of a grant's scope mean, decided once for all proxies (ADR 0017).

A branch moves, an alias is set anew. A proxy that meets such a name first asks the registry what it means now, and
tells it here; the first answer that anybody told counts until the grant ends, for every process and after each restart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView, decode_view
from jit_access.proxy_sessions.models import GrantPin, SessionViewRow

MAX_PINS = 20_000  # of one grant: a pattern may fit many names, and an upload has many parts
ONCE = "once:"  # names that mean the exchange that used them; nobody asks for all of them
BROUGHT = "lfs:"  # objects, by the exchange that brought their bytes
KEPT_AFTER_END = timedelta(days=1)


def settle_pins(*, grant_id: str, repository: str, names: Mapping[str, str]) -> dict[str, str]:
    """What these names mean from now on, with all that were settled before.

    No names: only what was settled. A name without a meaning only asks.

    Raises: NotFound for a grant that is not open or does not speak of the repository; CallerError past MAX_PINS.
    """
    with transaction.atomic():
        # The row's lock puts proxies that meet the same name at once into an order.
        row = SessionViewRow.objects.select_for_update().filter(grant_id=grant_id, is_open=True).first()
        view = decode_view(row.body) if row is not None else None
        if view is None or view.scope.find(repository) is None:
            raise NotFound
        held = read_pins(grant_id, repository) | _used(grant_id, names)
        fresh = {name: means for name, means in names.items() if means and name not in held}
        if fresh:
            _keep(view, repository, fresh)
        return held | fresh


def read_pins(grant_id: str, repository: str) -> dict[str, str]:
    """Everything settled for one repository of a grant."""
    rows = GrantPin.objects.filter(grant_id=grant_id, repository=repository).exclude(
        Q(name__startswith=ONCE) | Q(name__startswith=BROUGHT)
    )
    return dict(rows.values_list("name", "means"))


def _used(grant_id: str, names: Collection[str]) -> dict[str, str]:
    asked = [name for name in names if name.startswith((ONCE, BROUGHT))]
    rows = GrantPin.objects.filter(grant_id=grant_id, name__in=asked)
    return dict(rows.values_list("name", "means")) if asked else {}


def carry_pins(*, older: str, newer: str) -> None:
    """A grant that goes on in another one goes on meaning the same. Belongs to the transaction of the change."""
    pins = GrantPin.objects.filter(grant_id=older)  # what was used once stays used
    copies = [GrantPin(grant_id=newer, repository=pin.repository, name=pin.name, means=pin.means) for pin in pins]
    GrantPin.objects.bulk_create(copies)


def prune_pins() -> int:
    """Forget the pins of grants that ended long ago. Returns how many."""
    ended = SessionViewRow.objects.filter(valid_until__lt=clock.now() - KEPT_AFTER_END)
    deleted, _ = GrantPin.objects.filter(grant_id__in=ended.values("grant_id")).delete()
    return deleted


def _keep(view: SessionView, repository: str, names: Mapping[str, str]) -> None:
    if GrantPin.objects.filter(grant_id=view.grant_id).count() + len(names) > MAX_PINS:
        raise CallerError(Reason.REQUEST_TOO_LARGE)
    GrantPin.objects.bulk_create(
        GrantPin(grant_id=view.grant_id, repository=repository, name=name, means=means) for name, means in names.items()
    )
    with audited(actor=GATEWAY) as audit:
        for name, means in names.items():
            if name.startswith((ONCE, BROUGHT)):
                continue  # the proxy's own record tells of what it was used for
            audit.record(
                "grant.pinned",
                grant=view.grant_id,
                target=view.target,
                repository=repository,
                reference=name,
                detail={"means": means},
            )

"""Tokens that follow one another: the next one is made when it is due, waits sealed, and is collected by the holder.

The holder collects it with the one they have. It is handed out once; and once more, in another text, when the first
answer was lost: then the first text is dead, and showing it is what two holders would do. See ADR 0033.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F

from jit_access.accounts.models import ApiToken, ApiTokenFamily
from jit_access.accounts.news import Message, say
from jit_access.accounts.refusals import refusals_recorded
from jit_access.accounts.services.token_use import home_of
from jit_access.accounts.services.tokens import end_of_generation, facts_of, store_token
from jit_access.accounts.standing import why_stopped
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.core.sealing import Secret, open_secret, seal
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, format_token

RECOLLECT_AFTER: Final = timedelta(seconds=30)  # no client waits longer for an answer; before that it is not lost
BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Collected:
    """The next token, or that none is due yet. `due_at` is when the one after it is made; None: there will be none."""

    token: ApiToken | None
    text: Secret | None
    due_at: datetime | None


def collect_next(*, token: ApiToken) -> Collected:
    """Hand the next token to whoever holds this one, which was checked already.

    Raises: Conflict (token-collected) when it was handed out a moment ago, or twice; (token-copied) when the family was
    locked meanwhile.
    """
    actor = token.user.ref
    with refusals_recorded(actor=actor, kind="api-token.collect", account=token.user.public_id), audited(actor=actor):
        if token.family_id is None:
            return Collected(None, None, None)
        family, now = _lock(token.family_id), clock.now()
        if family.locked_at is not None:
            raise Conflict(Reason.TOKEN_COPIED)
        if family.newest_generation == token.generation:
            if not _may_follow(family, now):
                return Collected(None, None, _due(family))
            _make_next(family, now)
        waiting = family.tokens.select_related("user").get(generation=family.newest_generation, is_superseded=False)
        handed, text = _hand_out(family, token, waiting, now)
    return Collected(handed, text, _due(family))


def make_due_generations() -> int:
    """For the beat: make what is due, so that it waits when its holder asks. Safe to run twice at once."""
    now = clock.now()
    due = ApiTokenFamily.objects.filter(
        locked_at=None, due_at__lte=now, ends_at__gt=now, newest_generation=F("used_generation")
    ).filter(tokens__revoked_at=None, tokens__expires_at__gt=now)
    made = sum(_make_by_schedule(pk) for pk in due.order_by("due_at").values_list("pk", flat=True).distinct()[:BATCH])
    _warn_of_uncollected(now)
    return made


def _make_by_schedule(pk: int) -> bool:
    with audited(actor=GATEWAY):
        family, now = _lock(pk), clock.now()
        current = family.tokens.select_related("user__owner").filter(
            generation=family.newest_generation, is_superseded=False, revoked_at=None, expires_at__gt=now
        )
        holder = current.first()
        if holder is None or why_stopped(holder.user) is not None or not _may_follow(family, now):
            return False
        return _make_next(family, now)


def _may_follow(family: ApiTokenFamily, now: datetime) -> bool:
    """Due, not over, and the newest one is in use: nothing is made on top of what nobody collected."""
    is_in_use = family.used_generation == family.newest_generation
    return family.locked_at is None and is_in_use and family.due_at <= now < family.ends_at


def _make_next(family: ApiTokenFamily, now: datetime) -> bool:
    """One more generation, sealed. The condition lets one of several makers through."""
    current = family.newest_generation
    due_at = now + timedelta(seconds=family.rotates_every_s)
    won = ApiTokenFamily.objects.filter(
        pk=family.pk, newest_generation=current, used_generation=current, locked_at=None
    ).update(newest_generation=current + 1, due_at=due_at, collections=0, collected_at=None)
    if won != 1:
        family.refresh_from_db()
        return False
    family.refresh_from_db()
    with audited(actor=GATEWAY) as audit:
        before = family.tokens.select_related("user").get(generation=current, is_superseded=False)
        made = _copy(before, family, now)
        text = _store_new(made)
        made.sealed_token = seal(text.reveal().encode(), context=_context(made))
        made.save(update_fields=["sealed_token"])
        audit.record("api-token.rotated", detail=facts_of(made))
    return True


def _hand_out(family: ApiTokenFamily, held: ApiToken, waiting: ApiToken, now: datetime) -> tuple[ApiToken, Secret]:
    """The text of the next token, and that it is gone from here. Conditions decide between parallel collectors."""
    with audited(actor=held.user.ref) as audit:
        mine = ApiTokenFamily.objects.filter(
            pk=family.pk, newest_generation=held.generation + 1, used_generation=held.generation, locked_at=None
        )
        handed = waiting
        if waiting.sealed_token and mine.filter(collections=0).update(collections=1, collected_at=now) == 1:
            text = open_secret(waiting.sealed_token, context=_context(waiting))
            waiting.sealed_token = ""
            waiting.save(update_fields=["sealed_token"])
        elif mine.filter(collections=1, collected_at__lte=now - RECOLLECT_AFTER).update(
            collections=2, collected_at=now
        ):
            handed, text = _replace(waiting, family, now)
        else:
            raise Conflict(Reason.TOKEN_COLLECTED, retry_after_s=int(RECOLLECT_AFTER.total_seconds()))
        audit.record("api-token.collected", detail=facts_of(handed))
    return handed, text


def _replace(waiting: ApiToken, family: ApiTokenFamily, now: datetime) -> tuple[ApiToken, Secret]:
    """Another text for the same generation: the one that was handed out before is nobody's now."""
    ApiToken.objects.filter(pk=waiting.pk).update(
        is_superseded=True, revoked_at=now, end_reason=Reason.TOKEN_REPLACED, sealed_token=""
    )
    made = _copy(waiting, family, now)
    made.expires_at = waiting.expires_at
    return made, _store_new(made)


def _copy(token: ApiToken, family: ApiTokenFamily, now: datetime) -> ApiToken:
    """What follows is exactly as narrow as what was before."""
    return ApiToken(
        user=token.user,
        name=token.name,
        made_by=token.made_by,
        expires_at=end_of_generation(family, now),
        networks=token.networks,
        max_uses=token.max_uses,
        jkt=token.jkt,
        family=family,
        generation=family.newest_generation,
    )


def _store_new(token: ApiToken) -> Secret:
    text = Secret(format_token(TokenKind.API, new_token_id(), new_token_secret()))
    store_token(token, text)
    return text


def _warn_of_uncollected(now: datetime) -> None:
    """Half of the overlap is over and nobody uses the next one: once, to whoever answers for it."""
    waiting = ApiTokenFamily.objects.filter(locked_at=None, newest_generation__gt=F("used_generation"))
    waiting = waiting.filter(used_generation__gt=0, ends_at__gt=now)
    for family in waiting.order_by("pk")[:BATCH]:
        held = family.tokens.select_related("user__owner").filter(
            generation=family.used_generation, is_superseded=False, revoked_at=None, expires_at__gt=now
        )
        token = held.first()
        if token is None or token.expires_at - now > timedelta(seconds=family.overlap_s) / 2:
            continue
        with audited(actor=GATEWAY):
            say(
                Message(
                    kind="token-uncollected",
                    people=(token.user.owner or token.user,),
                    subject=f"Nobody uses the next API token {token.name} of {token.user.display_name}",
                    text=f"The one in use ends {token.expires_at:%d %b %H:%M} UTC. Then nothing of it works.",
                    path=home_of(token.user),
                    key=f"token-uncollected:{family.public_id}:{family.newest_generation}",
                )
            )


def _due(family: ApiTokenFamily) -> datetime | None:
    return family.due_at if family.due_at < family.ends_at else None


def _lock(pk: int) -> ApiTokenFamily:
    return ApiTokenFamily.objects.select_for_update().get(pk=pk)


def _context(token: ApiToken) -> str:
    return f"accounts_apitoken:{token.public_id}:sealed_token"

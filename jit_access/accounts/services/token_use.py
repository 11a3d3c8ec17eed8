"""One use of an API token: everything that it is held against, in an order that a thief learns nothing from.

What a token may is decided here and nowhere else. A use that is refused for another reason takes up no generation and
spends no use. Two holders of one family are noticed here: whoever shows an older token than somebody showed before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F

from jit_access.accounts.changes import announce_end
from jit_access.accounts.models import ApiToken, ApiTokenFamily, User
from jit_access.accounts.news import Message, say
from jit_access.accounts.selectors import members_of
from jit_access.accounts.services.tokens import facts_of
from jit_access.accounts.standing import why_stopped
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.networks import is_within, network_of
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.domain.tokens import hash_token

_NOTE_USE_EVERY: Final = timedelta(minutes=1)  # one write a minute tells enough; one per request would cost a lock each
_NOTE_PLACE_EVERY: Final = timedelta(seconds=10)  # a job behind many addresses changes its own all the time
# These say more than that it is over; any other end is told as revoked.
_TOLD_AS_THEY_ARE: Final = frozenset({Reason.TOKEN_COPIED, Reason.TOKEN_LEAKED, Reason.TOKEN_REPLACED})


@dataclass(frozen=True, slots=True)
class Use:
    """From where a token was shown, and when."""

    address: str
    now: datetime


def find_api_token(text: str) -> ApiToken | None:
    """The token with this text, whatever its state."""
    rows = ApiToken.objects.select_related("user__owner", "family")
    return rows.filter(token_hash=hash_token(text)).first()


def fault_of(token: ApiToken, use: Use) -> Reason | None:
    """Why this token opens nothing here and now, or None. Writes nothing but what two holders bring about."""
    if (over := _why_over(token, use)) is not None:
        return over
    if (stopped := why_stopped(token.user)) is not None:
        return stopped
    if token.networks and not is_within(use.address, token.networks):
        _tell_of_elsewhere(token, use)
        return Reason.TOKEN_ELSEWHERE
    return None


def take(token: ApiToken, use: Use) -> Reason | None:
    """Count one use, after everything else let it through. None, or why it came too late."""
    if token.max_uses is not None and not _count(token):
        return Reason.TOKEN_SPENT
    if token.family is not None and not _take_up(token, use):
        return Reason.TOKEN_COPIED
    note_token_use(token=token, use=use)
    return None


def note_token_use(*, token: ApiToken, use: Use) -> None:
    """Remember roughly when and from where a token was last used, so that people find those they can drop."""
    every = _NOTE_USE_EVERY if token.last_used_from == use.address else _NOTE_PLACE_EVERY
    if token.last_used_at is None or use.now - token.last_used_at >= every:
        token.last_used_at, token.last_used_from = use.now, use.address[:45]
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=use.now, last_used_from=token.last_used_from)


def _why_over(token: ApiToken, use: Use) -> Reason | None:
    family = token.family
    if family is not None and family.locked_at is not None:
        return Reason.TOKEN_COPIED
    if family is not None and _is_older(token, family) and _lives(family, use.now):
        lock_family(family, token, use)
        return Reason.TOKEN_COPIED
    if token.revoked_at is not None:
        ended = token.end_reason
        return Reason(ended) if ended in _TOLD_AS_THEY_ARE else Reason.TOKEN_REVOKED
    return Reason.TOKEN_EXPIRED if use.now >= token.expires_at else None


def _is_older(token: ApiToken, family: ApiTokenFamily) -> bool:
    """Somebody has shown a newer one, or was handed another one in the place of this."""
    return token.is_superseded or token.generation < family.used_generation


def _lives(family: ApiTokenFamily, now: datetime) -> bool:
    """While no token of it works, there is nothing left that a second holder could do."""
    return family.tokens.filter(revoked_at=None, expires_at__gt=now).exists()


def _count(token: ApiToken) -> bool:
    """The condition decides between parallel uses: the last one that is left is had by one of them."""
    left = ApiToken.objects.filter(pk=token.pk, revoked_at=None, use_count__lt=F("max_uses"))
    if left.update(use_count=F("use_count") + 1) != 1:
        return False
    token.refresh_from_db(fields=["use_count"])
    return True


def _take_up(token: ApiToken, use: Use) -> bool:
    """The first use of a generation ends the ones before it. False when a newer one was quicker: two holders."""
    family = token.family
    if family is None or family.used_generation == token.generation:
        return True
    with audited(actor=token.user.ref) as audit:
        mine = ApiTokenFamily.objects.filter(pk=family.pk, used_generation__lt=token.generation, locked_at=None).update(
            used_generation=token.generation
        )
        if mine == 1:
            older = ApiToken.objects.filter(family=family, generation__lt=token.generation, revoked_at=None)
            older.update(revoked_at=use.now, end_reason=Reason.TOKEN_REPLACED, sealed_token="")
            audit.record("api-token.taken-up", address=use.address, detail=facts_of(token))
            return True
    family.refresh_from_db()
    if family.locked_at is None and family.used_generation == token.generation:
        return True
    lock_family(family, token, use)
    return False


def lock_family(family: ApiTokenFamily, token: ApiToken, use: Use) -> None:
    """Two had it: nothing of the family works any more, and whatever its account held ends. Once, by whoever is first.

    Which of the two is the right one nobody can tell, so both are out. Grants end too: an API token makes tokens of
    every grant that its account holds.
    """
    with audited(actor=GATEWAY) as audit:
        if ApiTokenFamily.objects.filter(pk=family.pk, locked_at=None).update(locked_at=use.now) != 1:
            return
        live = ApiToken.objects.filter(family=family, revoked_at=None)
        live.update(revoked_at=use.now, end_reason=Reason.TOKEN_COPIED, sealed_token="")
        used = ApiTokenFamily.objects.values_list("used_generation", flat=True).get(pk=family.pk)
        audit.record(
            "api-token.two-holders",
            reason=Reason.TOKEN_COPIED,
            address=use.address,
            detail=facts_of(token) | {"used_generation": used, "network": network_of(use.address)},
        )
        announce_end(token.user, Reason.TOKEN_COPIED)
        _cry(token, use)


def _cry(token: ApiToken, use: Use) -> None:
    account = token.user
    what = f"{account.display_name}’s API token {token.name}"
    say(
        Message(
            kind="token-copied",
            people=tuple(dict.fromkeys((account.owner or account, *members_of(SECURITY)))),
            subject=f"Two hold {what}: it is locked",
            text=(
                f"An older token was shown from {use.address or 'an unknown address'} after a newer one was in use. "
                "Every token that follows from it is refused, and what the account held has ended.\n"
                "Find out who had it, then make a new one."
            ),
            path=home_of(account),
            key=f"token-copied:{token.family.public_id if token.family else token.public_id}",
            is_loud=True,
        )
    )


def _tell_of_elsewhere(token: ApiToken, use: Use) -> None:
    """Its holder moved, or somebody else has it: once a day and network, to whoever answers for it."""
    account = token.user
    where = network_of(use.address) or "an unknown address"
    say(
        Message(
            kind="token-elsewhere",
            people=(account.owner or account,),
            subject=f"{account.display_name}’s API token {token.name} was shown from elsewhere",
            text=f"It came from {where}, which is not in its networks, and was refused. "
            "If that was not you, somebody else has it: revoke it.",
            path=home_of(account),
            key=f"token-elsewhere:{token.public_id}:{where}:{use.now:%Y-%m-%d}"[:120],
        )
    )


def home_of(account: User) -> str:
    """The page that lists the API tokens of an account."""
    return "/settings" if account.is_person else f"/agents/{account.public_id}"


def use_at(address: str) -> Use:
    """A use at this moment."""
    return Use(address, clock.now())

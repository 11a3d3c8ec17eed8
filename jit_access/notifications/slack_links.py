"""Which Slack account is whose. Linked once, from both sides, by ids.

1. In a session with a fresh second factor a person makes a code (`make_code`).
2. They send it to the app in Slack, whose signed message tells the team and user id (`redeem_code`).
3. Back in the session they see which Slack account sent it, and say that it is theirs (`confirm_link`).

Without the third step a code read over somebody's shoulder would make the reader's clicks count as theirs.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction

from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.core.secret import Secret
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import Conflict, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.notifications.models import SlackLink, SlackLinkCode
from jit_access.notifications.services import tell

CODE_LASTS: Final = timedelta(minutes=10)
CODE_CHARS: Final = 10  # of 32 letters: 50 bits, for ten minutes
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, slots=True)
class SlackAccount:
    """Somebody in Slack, as its signed message and its directory name them."""

    team_id: str
    user_id: str
    name: str = ""


def make_code(*, actor: User) -> Secret:
    """A code that works once, for ten minutes; an earlier one stops working. The caller asked for a fresh factor."""
    if not actor.is_person:
        raise PolicyRefusal(Reason.NOT_FOR_AGENTS)
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARS))
    with audited(actor=actor.ref) as audit:
        if SlackLink.objects.filter(user=actor, confirmed_at__isnull=False).exists():
            raise Conflict(Reason.SLACK_ALREADY_LINKED, "Your Slack account is linked already. Unlink it first.")
        SlackLink.objects.filter(user=actor).delete()
        facts = {"code_hash": hash_code(letters), "made_at": clock.now()}
        SlackLinkCode.objects.update_or_create(user=actor, defaults=facts)
        audit.record("slack-link.code-made")
    return Secret(f"{letters[:5]}-{letters[5:]}")


def hash_code(typed: str) -> str:
    """What is kept of a code, from how people type it."""
    folded = "".join(letter for letter in typed.lower() if letter in _ALPHABET)
    return hashlib.sha256(f"slack-link:{folded}".encode()).hexdigest()


def redeem_code(*, code_hash: str, account: SlackAccount) -> SlackLink:
    """A code came from this Slack account. The link waits for its person's word.

    Raises: PolicyRefusal (slack-code-wrong, slack-already-linked); the caller records it, who sent it is nobody here.
    """
    now = clock.now()
    with transaction.atomic():
        row = SlackLinkCode.objects.select_related("user").filter(code_hash=code_hash).first()
        # Deleting is the conditional update: of two that race with one code, one finds a row.
        is_first = row is not None and SlackLinkCode.objects.filter(pk=row.pk, code_hash=code_hash).delete()[0] == 1
        if row is None or not is_first or now >= row.made_at + CODE_LASTS or not row.user.is_active:
            raise PolicyRefusal(Reason.SLACK_CODE_WRONG)
        if linked_user(account) is not None:
            raise PolicyRefusal(Reason.SLACK_ALREADY_LINKED)
        with audited(actor=row.user.ref) as audit:
            link = SlackLink.objects.create(
                user=row.user,
                team_id=account.team_id,
                slack_user_id=account.user_id,
                slack_name=clean_text(account.name)[:120],
                seen_at=now,
            )
            audit.record("slack-link.code-used", detail=_ids(link))
    return link


def confirm_link(*, actor: User, slack_user_id: str) -> SlackLink:
    """*That is me.* Raises: Conflict when another account waits than was shown, or it was linked meanwhile."""
    try:
        with audited(actor=actor.ref) as audit:
            link = waiting_link_of(actor)
            if link is None or link.slack_user_id != slack_user_id:
                raise Conflict(Reason.STATE_CHANGED)
            link.confirmed_at = clock.now()
            link.save(update_fields=["confirmed_at"])
            audit.record("slack-link.confirmed", detail=_ids(link))
            _tell(link, "was linked", "Its clicks count as yours from now on.")
    except Conflict as refusal:
        record_refusal(actor=actor.ref, kind="slack-link.refused", reason=refusal.reason)
        raise
    except IntegrityError as exc:
        record_refusal(actor=actor.ref, kind="slack-link.refused", reason=Reason.SLACK_ALREADY_LINKED)
        raise Conflict(Reason.SLACK_ALREADY_LINKED) from exc
    return link


def remove_link(*, actor: User) -> None:
    """Unlink, or *That is not me*. A repeat changes nothing."""
    with audited(actor=actor.ref) as audit:
        SlackLinkCode.objects.filter(user=actor).delete()
        link = SlackLink.objects.filter(user=actor).first()
        if link is None:
            return
        SlackLink.objects.filter(pk=link.pk).delete()
        audit.record("slack-link.removed", detail=_ids(link))
        if link.confirmed_at is not None:
            _tell(link, "was unlinked", "Its clicks count for nobody now.")


def linked_user(account: SlackAccount) -> User | None:
    """Whose Slack account this is. The only way from Slack to a person."""
    rows = SlackLink.objects.filter(
        team_id=account.team_id, slack_user_id=account.user_id, confirmed_at__isnull=False
    ).select_related("user")
    link = rows.first()
    return link.user if link else None


def link_of(user: User) -> SlackLink | None:
    """A person's link, waiting or confirmed."""
    return SlackLink.objects.filter(user=user).first()


def waiting_link_of(user: User) -> SlackLink | None:
    """A Slack account that sent this person's code and waits for their word, for as long as a code lasts."""
    since = clock.now() - CODE_LASTS
    return SlackLink.objects.filter(user=user, confirmed_at__isnull=True, seen_at__gt=since).first()


def slack_ids_of(users: list[int], team_id: str) -> dict[int, str]:
    """By primary key of the person, the linked Slack user ids in this team."""
    rows = SlackLink.objects.filter(user__in=users, user__is_active=True, team_id=team_id, confirmed_at__isnull=False)
    return dict(rows.values_list("user_id", "slack_user_id"))


def _ids(link: SlackLink) -> dict[str, str]:
    return {"team": link.team_id, "slack_user": link.slack_user_id}


def _tell(link: SlackLink, what: str, effect: str) -> None:
    tell(
        link.user,
        kind="slack-link",
        subject=f"The Slack account {link.slack_name or link.slack_user_id} {what}",
        text=f"{effect}\nIf this was not you, end all sessions, change your password and tell the security team.",
        path="/settings/slack",
        dedupe_key=f"slack-link:{link.pk}:{what}",
    )

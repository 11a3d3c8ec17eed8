"""Somebody lost every factor: two other people bring them back, slowly and in the open.

One member of security asks and says why, another confirms after a delay in which the owner and all of security know.
Then every factor, device and session of the person is gone, and a code that lasts an hour, handed over by whoever
confirmed, is needed besides the password to set up a new one. Nobody does any part of it for themselves.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final, NoReturn

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.accounts.selectors import find_by_name, is_in, members_of
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.core.secret import Secret
from jit_access.domain.actors import ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.roles import SECURITY
from jit_access.locks.selectors import ground_of_account, locks_on
from jit_access.mfa import recovery
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh, signed_in_user
from jit_access.mfa.enrolment import remove_factor
from jit_access.mfa.models import Device, FactorReset
from jit_access.mfa.reset_codes import hash_of
from jit_access.notifications.services import tell

OPEN_FOR: Final = timedelta(hours=24)
CODE_LASTS: Final = timedelta(hours=1)
MAX_REASON_CHARS: Final = 300


def resets_for(user: User) -> QuerySet[FactorReset]:
    """What members of security see: the newest first. Raises: NotFound for anybody else."""
    if not _may(user):
        raise NotFound
    return FactorReset.objects.select_related("user", "asked_by", "confirmed_by").order_by("-pk")


def get_reset(*, actor: User, public_id: str) -> FactorReset:
    """For security, and for the person whom it is about. Raises: NotFound."""
    reset = FactorReset.objects.select_related("user", "asked_by", "confirmed_by").filter(public_id=public_id).first()
    if reset is None or not (_may(actor) or reset.user_id == actor.pk):
        raise NotFound
    return reset


def ask_reset(request: HttpRequest, *, username: str, reason: str) -> FactorReset:
    """Begin one.

    Raises: NotFound; PolicyRefusal (own-request, no fresh factor); CallerError; Conflict when one is open.
    """
    actor = _actor(request)
    user, why = find_by_name(username), clean_text(" ".join(reason.split()))
    if not 10 <= len(why) <= MAX_REASON_CHARS:
        sentence = f"Say in 10 to {MAX_REASON_CHARS} characters how you know that it is them."
        raise CallerError(Reason.INVALID_INPUT, sentence, field="reason")
    if user is None or not user.is_person or not user.is_active:
        raise CallerError(Reason.INVALID_INPUT, "There is no such person, or they are locked.", field="username")
    if user.pk == actor.pk:
        _refuse(actor, user, Reason.OWN_REQUEST, "Nobody asks for their own reset.")
    now = clock.now()
    with audited(actor=actor.ref) as audit:
        asked = FactorReset.objects.filter(user=user, ended_at=None, confirmed_at=None)
        asked.filter(asked_at__lte=now - OPEN_FOR).update(ended_at=now, outcome="expired")
        try:
            with transaction.atomic():
                reset = FactorReset.objects.create(
                    public_id=new_id("rst"),
                    user=user,
                    asked_by=actor,
                    reason=why,
                    asked_at=now,
                    not_before=now + timedelta(seconds=settings.FACTOR_RESET_DELAY_S),
                )
        except IntegrityError as exc:
            raise Conflict(Reason.STATE_CHANGED, "A reset for this person is open already.") from exc
        audit.record("factor-reset.asked", detail=_facts(reset) | {"why": why})
        _tell_all(
            reset,
            f"{actor.display_name} asks to reset the second factor of {user.display_name}",
            f"Why: {why}\nSomebody else of security confirms it, or withdraws it.",
        )
        _tell(
            user,
            reset,
            "Somebody asks to reset your second factor",
            f"{actor.display_name} asked: {why}\nIf you still have your factor, stop it in Security settings now.",
        )
    return reset


def confirm_reset(request: HttpRequest, *, reset: FactorReset) -> Secret:
    """The second person's yes: everything is taken away, and the code is given back, to be shown once.

    Raises: PolicyRefusal (own-request, reset-too-early, no fresh factor); Conflict when it is over.
    """
    actor, now = _actor(request), clock.now()
    if actor.pk in {reset.asked_by_id, reset.user_id}:
        _refuse(
            actor, reset.user, Reason.OWN_REQUEST, "Somebody else confirms it: neither who asked nor who it is for."
        )
    if not (reset.asked_by.is_active and _may(reset.asked_by)) or locks_on(ground_of_account(reset.asked_by)):
        _record_refusal(actor, reset.user, Reason.STATE_CHANGED)
        raise Conflict(Reason.STATE_CHANGED, "Whoever asked is not of security now. Stop it, and ask anew.")
    if now < reset.not_before:
        _refuse(actor, reset.user, Reason.RESET_TOO_EARLY, "")
    code = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(recovery.CHARS))
    with audited(actor=actor.ref) as audit:
        User.objects.select_for_update().get(pk=reset.user_id)
        # One whose code was lost is followed by another; until then its code is still asked for.
        earlier = FactorReset.objects.filter(user=reset.user, ended_at=None).exclude(confirmed_at=None)
        earlier.update(ended_at=now, outcome="replaced")
        begun = FactorReset.objects.filter(
            pk=reset.pk, ended_at=None, confirmed_at=None, asked_at__gt=now - OPEN_FOR
        ).update(confirmed_by=actor, confirmed_at=now, code_hash=hash_of(code), code_until=now + CODE_LASTS)
        if begun != 1:
            raise Conflict(Reason.STATE_CHANGED, "This reset is over, or somebody was first.")
        remove_factor(actor=actor.ref, user=reset.user)
        Device.objects.filter(user=reset.user).delete()
        audit.record("factor-reset.confirmed", detail=_facts(reset))
        _tell_all(reset, f"The second factor of {reset.user.display_name} was reset", f"By {actor.display_name}.")
        _tell(
            reset.user,
            reset,
            "Your second factor was reset",
            "Every session of yours has ended. With your password and the code of your colleague you set up a new one.",
        )
    return Secret(f"{code[:5]}-{code[5:10]}-{code[10:]}")


def withdraw_reset(request: HttpRequest, *, reset: FactorReset) -> None:
    """Stop one before it is confirmed: any member of security, or the person whom it is about. A repeat does nothing.

    Raises: Conflict when it was confirmed: all is taken away already, and its end would end the need of a code.
    """
    actor = signed_in_user(request)
    get_reset(actor=actor, public_id=reset.public_id)
    require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    with audited(actor=actor.ref) as audit:
        if FactorReset.objects.filter(pk=reset.pk, ended_at=None, confirmed_at=None).update(
            ended_at=clock.now(), outcome="withdrawn"
        ):
            audit.record("factor-reset.withdrawn", detail=_facts(reset))
            _tell_all(reset, f"The reset for {reset.user.display_name} was stopped", f"By {actor.display_name}.")
            return
    if FactorReset.objects.filter(pk=reset.pk).exclude(confirmed_at=None).exists():
        _record_refusal(actor, reset.user, Reason.STATE_CHANGED)
        raise Conflict(Reason.STATE_CHANGED, "It was confirmed already. Lock the account if that was wrong.")


def reset_at_terminal(*, actor: ActorRef, user: User) -> None:
    """At the gateway's own machine one person is enough, so all of security hears of it."""
    with audited(actor=actor) as audit:
        remove_factor(actor=actor, user=user)
        Device.objects.filter(user=user).delete()
        record_id = audit.record("factor-reset.at-terminal", detail={"account": user.public_id})
        for member in members_of(SECURITY):
            tell(
                member,
                kind="factor-reset",
                subject=f"The second factor of {user.display_name} was reset at the terminal",
                text="Without a second person. If nobody of you knows why, lock the account and ask the operators.",
                path="/activity",
                dedupe_key=f"reset-at-terminal:{record_id}",
            )


def open_reset_of(user: User) -> FactorReset | None:
    """One that somebody asked for and nobody confirmed or stopped yet, for the page of its owner."""
    rows = FactorReset.objects.select_related("asked_by").filter(user=user, ended_at=None, confirmed_at=None)
    return rows.filter(asked_at__gt=clock.now() - OPEN_FOR).first()


def _actor(request: HttpRequest) -> User:
    actor = signed_in_user(request)
    if not _may(actor):
        raise NotFound
    require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    return actor


def _may(user: User) -> bool:
    return user.is_person and is_in(user, SECURITY)


def _refuse(actor: User, about: User, reason: Reason, sentence: str) -> NoReturn:
    _record_refusal(actor, about, reason)
    raise PolicyRefusal(reason, sentence)


def _record_refusal(actor: User, about: User, reason: Reason) -> None:
    record_refusal(actor=actor.ref, kind="factor-reset.refused", reason=reason, detail={"account": about.public_id})


def _facts(reset: FactorReset) -> dict[str, str]:
    return {"reset": reset.public_id, "account": reset.user.public_id, "asked_by": reset.asked_by.public_id}


def _tell_all(reset: FactorReset, subject: str, text: str) -> None:
    for member in members_of(SECURITY).exclude(Q(pk=reset.user_id)):
        _tell(member, reset, subject, text)


def _tell(user: User, reset: FactorReset, subject: str, text: str) -> None:
    key = hashlib.sha256(subject.encode()).hexdigest()[:16]
    path = "/settings" if user.pk == reset.user_id else f"/resets/{reset.public_id}"
    tell(user, kind="factor-reset", subject=subject, text=text, path=path, dedupe_key=f"{reset.public_id}:{key}")

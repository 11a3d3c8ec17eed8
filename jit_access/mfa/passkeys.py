"""A person's passkeys: adding, naming and removing them, and proving who one is with one of them.

The authenticator app comes first: it is the way back when a device is lost. Every change asks for a proof that is
minutes old, and is told to the person.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from webauthn.helpers import bytes_to_base64url

from jit_access.accounts.models import User
from jit_access.audit.outside import record_outside_refusal
from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.core import clock
from jit_access.core.ids import new_id
from jit_access.domain.errors import CallerError, Conflict, NotFound, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import attempts, passkey_ceremony, passkey_challenges
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, Assurance, Level, require_fresh, signed_in_user
from jit_access.mfa.models import Passkey
from jit_access.mfa.passkey_ceremony import MOST_PASSKEYS
from jit_access.mfa.proof import Method
from jit_access.mfa.session_keys import PUBLIC_ID
from jit_access.mfa.sessions import mark_proved
from jit_access.notifications.services import tell

MAX_NAME_CHARS: Final = 60
_TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "internal"})


def begin_passkey(request: HttpRequest) -> dict[str, Any]:
    """What the browser needs to make a key. Raises: PolicyRefusal without a fresh proof; Conflict at 20 keys."""
    user = signed_in_user(request)
    require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    held = list(_keys_of(user))
    if len(held) >= MOST_PASSKEYS:
        raise Conflict(Reason.STATE_CHANGED, f"{MOST_PASSKEYS} passkeys are enough. Remove one first.")
    challenge = passkey_challenges.open_challenge(request, user, passkey_challenges.ENROLMENT)
    return passkey_ceremony.creation_options(user, held, challenge)


def add_passkey(request: HttpRequest, *, name: str, answer: str) -> Passkey:
    """Keep the key that the browser made.

    Raises: PolicyRefusal (passkey-refused, or no fresh proof), recorded; CallerError for a name that cannot be.
    """
    user = signed_in_user(request)
    require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    kept_name = _clean_name(name)
    try:
        told = passkey_ceremony.read_answer(answer)
        challenge = _answered(request, user, told, passkey_challenges.ENROLMENT)
        made = passkey_ceremony.check_creation(told, challenge)
    except PolicyRefusal as refusal:
        record_refusal(actor=user.ref, kind="passkey.refused", reason=refusal.reason)
        raise
    key = Passkey(
        public_id=new_id("psk"),
        user=user,
        name=kept_name,
        credential_id=bytes_to_base64url(made.credential_id),
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=_transports_in(told),
        is_synced=made.credential_backed_up,
        created_at=clock.now(),
    )
    _store(user, key)
    return key


def begin_passkey_proof(request: HttpRequest, *, purpose: str = passkey_challenges.PROOF) -> dict[str, Any]:
    """What the browser needs to ask for a key. Raises: PolicyRefusal (passkey-unknown) when the person has none."""
    user = signed_in_user(request)
    held = list(_keys_of(user))
    if not held:
        raise PolicyRefusal(Reason.PASSKEY_UNKNOWN)
    return passkey_ceremony.request_options(held, passkey_challenges.open_challenge(request, user, purpose))


def prove_passkey(request: HttpRequest, *, answer: str, address: str = "") -> Method:
    """Prove who is there with a passkey: the session becomes phishing-resistant, from now on.

    Raises: PolicyRefusal (passkey-refused, -unknown, -copied, second-factor-locked, account-locked), recorded.
    """
    _prove(request, answer, passkey_challenges.PROOF, address)
    mark_proved(request, Level.PHISHING_RESISTANT)
    return Method.PASSKEY


def prove_passkey_once(request: HttpRequest, *, answer: str, payload_hash: str, address: str = "") -> Assurance:
    """The proof that goes with one verdict, and with nothing else: the session stays as it was.

    Raises: PolicyRefusal as `prove_passkey`.
    """
    _prove(request, answer, passkey_challenges.purpose_of(payload_hash), address)
    return Assurance(Level.PHISHING_RESISTANT, clock.now(), 0, str(request.session.get(PUBLIC_ID, "")))


def _prove(request: HttpRequest, answer: str, purpose: str, address: str) -> None:
    user = signed_in_user(request)
    try:
        attempt = attempts.count_attempt(user)
        told = passkey_ceremony.read_answer(answer)
        challenge = _answered(request, user, told, purpose)
        key = _keys_of(user).filter(credential_id=str(told.get("id", ""))[:1400]).first()
        if key is None:
            raise PolicyRefusal(Reason.PASSKEY_UNKNOWN, tries_left=attempt.tries_left)
        proved = passkey_ceremony.check_proof(told, challenge, key)
        _accept(user, key, proved.new_sign_count, is_synced=proved.credential_backed_up)
    except PolicyRefusal as refusal:
        record_outside_refusal(actor=user.ref, kind="second-factor.refused", reason=refusal.reason, address=address)
        raise
    attempts.mark_right(attempt)


def get_passkey(*, actor: User, public_id: str) -> Passkey:
    """One of one's own. Raises: NotFound."""
    key = _keys_of(actor).filter(public_id=public_id).first()
    if key is None:
        raise NotFound
    return key


def rename_passkey(request: HttpRequest, *, key: Passkey, name: str) -> None:
    """Raises: CallerError for a name that cannot be."""
    user, kept_name = signed_in_user(request), _clean_name(name)
    with audited(actor=user.ref) as audit:
        _save_name(key, kept_name)
        audit.record("passkey.renamed", detail={"passkey": key.public_id, "name": kept_name})


def remove_passkey(request: HttpRequest, *, key: Passkey) -> None:
    """It opens nothing from now on. Raises: PolicyRefusal without a fresh proof."""
    user = signed_in_user(request)
    require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    with audited(actor=user.ref) as audit:
        deleted, _ = Passkey.objects.filter(pk=key.pk, user=user).delete()
        if deleted:
            record_id = audit.record("passkey.removed", detail={"passkey": key.public_id, "name": key.name})
            _tell_of_change(user, f"The passkey {key.name} was removed", record_id)


def _keys_of(user: User) -> QuerySet[Passkey]:
    return Passkey.objects.filter(user=user).order_by("pk")


def _answered(request: HttpRequest, user: User, told: dict[str, Any], purpose: str) -> bytes:
    challenge = passkey_challenges.use_challenge(request, user, passkey_ceremony.challenge_in(told), purpose)
    if challenge is None:
        raise PolicyRefusal(Reason.PASSKEY_REFUSED)
    return challenge


def _accept(user: User, key: Passkey, count: int, *, is_synced: bool) -> None:
    """Of two answers with one counter, one counts. Two hold a key whose counter did not grow (WebAuthn 3, 6.1.1)."""
    with audited(actor=user.ref) as audit:
        rows = Passkey.objects.filter(pk=key.pk)
        known = rows.filter(sign_count__lt=count) if count else rows.filter(sign_count=0)
        if known.update(sign_count=count, last_used_at=clock.now(), is_synced=is_synced):
            audit.record(
                "second-factor.proved", decision="allow", detail={"method": Method.PASSKEY, "passkey": key.public_id}
            )
            return
    if rows.exists():
        _raise_alarm(user, key)
        raise PolicyRefusal(Reason.PASSKEY_COPIED)
    raise PolicyRefusal(Reason.PASSKEY_UNKNOWN)  # removed meanwhile


def _raise_alarm(user: User, key: Passkey) -> None:
    with audited(actor=user.ref) as audit:
        record_id = audit.record(
            "passkey.alarm", reason=Reason.PASSKEY_COPIED, detail={"passkey": key.public_id, "name": key.name}
        )
        _tell_of_change(user, f"The passkey {key.name} may have been copied", record_id)


def _store(user: User, key: Passkey) -> None:
    with audited(actor=user.ref) as audit:
        try:
            with transaction.atomic():
                key.save(force_insert=True)
        except IntegrityError as exc:
            if Passkey.objects.filter(user=user, name=key.name).exists():
                raise CallerError(Reason.INVALID_INPUT, f"You have a passkey called “{key.name}” already.") from exc
            raise Conflict(Reason.STATE_CHANGED, "This passkey is registered already.") from exc
        record_id = audit.record("passkey.added", detail={"passkey": key.public_id, "name": key.name})
        _tell_of_change(user, f"A passkey was added: {key.name}", record_id)


def _save_name(key: Passkey, name: str) -> None:
    try:
        with transaction.atomic():
            Passkey.objects.filter(pk=key.pk).update(name=name)
    except IntegrityError as exc:
        raise CallerError(Reason.INVALID_INPUT, f"You have a passkey called “{name}” already.") from exc
    key.name = name


def _clean_name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > MAX_NAME_CHARS or not clean.isprintable():
        raise CallerError(
            Reason.INVALID_INPUT, f"Give it a name of 1 to {MAX_NAME_CHARS} characters, such as “Laptop”."
        )
    return clean


def _transports_in(told: dict[str, Any]) -> list[str]:
    raw = told["response"].get("transports")
    named = {item for item in raw if isinstance(item, str)} if isinstance(raw, list) else set()
    return sorted(named & _TRANSPORTS)


def _tell_of_change(user: User, what: str, record_id: str) -> None:
    tell(
        user,
        kind="passkey.changed",
        subject=what,
        text="If this was not you, end all sessions and tell the security team now.",
        path="/settings",
        dedupe_key=f"passkey:{record_id}",
    )

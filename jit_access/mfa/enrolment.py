"""Setting up, replacing and removing a person's second factor.

The first device may be set up on a password alone: there is nothing stronger yet. From then on every change asks
for a proof that is minutes old. A secret that waits for its first code lives sealed in the one session that saw it,
so nobody can plant a secret for somebody else to confirm.
"""

from __future__ import annotations

from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.accounts.services import end_sessions
from jit_access.audit.recorder import audited
from jit_access.core import clock
from jit_access.core.sealing import SealBroken, open_secret, seal
from jit_access.core.secret import Secret
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import Conflict, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa import recovery, reset_codes, totp
from jit_access.mfa.assurance import STEP_UP_MAX_AGE_S, require_fresh, signed_in_user
from jit_access.mfa.models import Passkey, RecoveryCode, TotpDevice
from jit_access.mfa.proof import prove_new_secret
from jit_access.mfa.selectors import has_factor
from jit_access.mfa.session_keys import ENROLMENT
from jit_access.mfa.sessions import carry_session, mark_proved
from jit_access.mfa.totp import Enrolment
from jit_access.notifications.services import tell


def begin_totp_enrolment(request: HttpRequest) -> Enrolment:
    """The secret to show to the person of this session; the same one until it is confirmed.

    Raises: PolicyRefusal when a device exists and the session's proof is not fresh.
    """
    user = signed_in_user(request)
    _guard_change(request, user)
    held = _held_secret(request, user)
    if held is not None:
        return totp.enrolment_of(user, held)
    enrolment = totp.new_enrolment(user)
    request.session[ENROLMENT] = seal(enrolment.secret.reveal().encode(), context=_context(user))
    return enrolment


def confirm_totp(request: HttpRequest, *, code: str) -> None:
    """The first code makes the device count, and proves the factor for this session, which goes on.

    Raises: Conflict when no enrolment is open; PolicyRefusal as `begin_totp_enrolment` and `prove_code`.
    """
    user = signed_in_user(request)
    _guard_change(request, user)
    secret = _held_secret(request, user)
    if secret is None:
        raise Conflict(Reason.STATE_CHANGED, "No new device waits for a code. Begin again.")
    step = prove_new_secret(user=user, secret=secret, code=code)
    with audited(actor=user.ref):
        # Asked again under the row lock: of two sessions that both set up a first device, one wins.
        locked = User.objects.select_for_update().get(pk=user.pk)
        _guard_change(request, locked)
        install_totp(actor=user.ref, user=locked, secret=secret)
        totp.use_step(locked, step)
    del request.session[ENROLMENT]
    carry_session(request, user)
    mark_proved(request)


def install_totp(*, actor: ActorRef, user: User, secret: Secret) -> None:
    """Make this secret the person's device, ready for use. Replacing one ends every session of the account."""
    with audited(actor=actor) as audit:
        is_replaced = has_factor(user)
        totp.store_device(user, secret, now=clock.now())
        reset_codes.close_reset(user)
        kind = "second-factor.replaced" if is_replaced else "second-factor.enrolled"
        record_id = audit.record(kind, detail={"account": user.public_id})
        if is_replaced:
            end_sessions(actor=actor, user=user)
        _tell_of_change(user, "was replaced" if is_replaced else "was set up", record_id)


def remove_factor(*, actor: ActorRef, user: User) -> None:
    """Take device, passkeys and recovery codes away; the next sign-in leads to a new set-up. Ends every session.

    Callers ask for a fresh proof first (`require_fresh`), except the operators' command for a lost phone.
    """
    with audited(actor=actor) as audit:
        removed, _ = TotpDevice.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        passkeys, _ = Passkey.objects.filter(user=user).delete()
        if not removed and not passkeys:
            return
        record_id = audit.record("second-factor.removed", detail={"account": user.public_id})
        end_sessions(actor=actor, user=user)
        _tell_of_change(user, "was removed", record_id)


def generate_recovery_codes(request: HttpRequest) -> tuple[str, ...]:
    """Ten new codes, to be shown once; older ones stop working. Raises: PolicyRefusal without a fresh proof."""
    user = signed_in_user(request)
    require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    return renew_recovery_codes(actor=user.ref, user=user)


def renew_recovery_codes(*, actor: ActorRef, user: User) -> tuple[str, ...]:
    """As `generate_recovery_codes`, for callers that have checked who asks."""
    with audited(actor=actor) as audit:
        User.objects.select_for_update().get(pk=user.pk)
        codes = recovery.replace_codes(user)
        audit.record("recovery-codes.made", detail={"account": user.public_id, "count": len(codes)})
    return codes


def _guard_change(request: HttpRequest, user: User) -> None:
    if has_factor(user):
        require_fresh(request, max_age_s=STEP_UP_MAX_AGE_S)
    elif reset_codes.needs_code(request, user):
        raise PolicyRefusal(Reason.RESET_CODE_NEEDED)


def _held_secret(request: HttpRequest, user: User) -> Secret | None:
    sealed = request.session.get(ENROLMENT)
    if sealed is None:
        return None
    try:
        return open_secret(sealed, context=_context(user))
    except SealBroken:
        return None  # of another account in the same browser: begin again


def _context(user: User) -> str:
    return f"session:{user.public_id}:enrolment"


def _tell_of_change(user: User, what: str, record_id: str) -> None:
    tell(
        user,
        kind="second-factor.changed",
        subject=f"Your second factor {what}",
        text="If this was not you, tell the security team now.",
        path="/settings",
        dedupe_key=f"second-factor:{record_id}",
    )

"""A code typed into a form of ours, or a passkey's answer that came with it, turned into a proof of this session."""

from __future__ import annotations

from django.http import HttpRequest

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import Assurance, Level, assurance_of, signed_in_user
from jit_access.mfa.selectors import has_passkey
from jit_access.web import figures
from jit_access.web.viewmodels.parts import PasskeyPart

# What a form says beside its code field; anything else is a page of its own.
CODE_PROBLEMS = frozenset(
    {
        Reason.SECOND_FACTOR_WRONG,
        Reason.SECOND_FACTOR_REUSED,
        Reason.SECOND_FACTOR_LOCKED,
        Reason.PASSKEY_REFUSED,
        Reason.PASSKEY_UNKNOWN,
        Reason.PASSKEY_COPIED,
        Reason.PASSKEY_NEEDED,
    }
)
# Nothing is to be waited for: another one of the ten is meant.
_RECOVERY_WORDS = {
    Reason.SECOND_FACTOR_WRONG: "That is not one of your recovery codes, or it was used already.",
    Reason.SECOND_FACTOR_REUSED: "That recovery code was used already. Take another one.",
}


def passkey_part(request: HttpRequest, payload_hash: str = "", *, level: int = 0) -> PasskeyPart | None:
    """For the code fields of people who have a passkey. From `level` 3 on a code would not do."""
    is_only = level >= Level.PHISHING_RESISTANT
    return PasskeyPart(payload_hash, is_only) if has_passkey(signed_in_user(request)) else None


def prove_verdict(request: HttpRequest, payload_hash: str) -> Assurance:
    """How sure we are who answers: by the code or the passkey in this form, else by what the session proved before.

    A passkey's answer was asked for this payload, so it is good for this verdict and leaves the session as it was.
    Raises: PolicyRefusal as `prove_here`.
    """
    if answer := request.POST.get("passkey"):
        address = mfa.client_address(request)
        return mfa.prove_passkey_once(request, answer=answer, payload_hash=payload_hash, address=address)
    if request.POST.get("code"):
        prove_here(request)
    return assurance_of(request)


def prove_here(request: HttpRequest) -> mfa.Method:
    """Prove the second factor with what came in this form, for this session.

    Raises: PolicyRefusal (second-factor-wrong, -reused, -locked, -missing, passkey-refused, -unknown, -copied,
    account-locked), recorded.
    """
    if answer := request.POST.get("passkey"):
        return mfa.prove_passkey(request, answer=answer, address=mfa.client_address(request))
    user = signed_in_user(request)
    method = mfa.prove_code(user=user, code=request.POST.get("code", ""), address=mfa.client_address(request))
    mfa.mark_proved(request)
    return method


def code_problem(error: GatewayError, *, is_recovery: bool = False) -> str:
    """The sentence beside the code field, with the tries that are left."""
    left = error.fields.get("tries_left")
    sentence = _RECOVERY_WORDS.get(error.reason, error.sentence) if is_recovery else error.sentence
    if not isinstance(left, int) or error.reason == Reason.SECOND_FACTOR_LOCKED:
        return sentence
    return f"{sentence} {figures.plural(left, 'try', 'tries')} left."


def code_status(error: GatewayError) -> int:
    """422 for a code that can be typed again, 429 once the tries are used up."""
    return 429 if error.reason == Reason.SECOND_FACTOR_LOCKED else 422

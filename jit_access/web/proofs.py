"""A code typed into a form of ours, turned into a proof of this session."""

from __future__ import annotations

from django.http import HttpRequest

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from jit_access.mfa import services as mfa
from jit_access.mfa.assurance import signed_in_user
from jit_access.web import figures

# What a form says beside its code field; anything else is a page of its own.
CODE_PROBLEMS = frozenset({Reason.SECOND_FACTOR_WRONG, Reason.SECOND_FACTOR_REUSED, Reason.SECOND_FACTOR_LOCKED})
# Nothing is to be waited for: another one of the ten is meant.
_RECOVERY_WORDS = {
    Reason.SECOND_FACTOR_WRONG: "That is not one of your recovery codes, or it was used already.",
    Reason.SECOND_FACTOR_REUSED: "That recovery code was used already. Take another one.",
}


def prove_here(request: HttpRequest) -> mfa.Method:
    """Prove the second factor with the code of this form.

    Raises: PolicyRefusal (second-factor-wrong, -reused, -locked, -missing, account-locked), recorded.
    """
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

"""What is asked of a browser, and whether its answer is good. All mathematics is the library's.

Source: Web Authentication level 3, 7.1 and 7.2. The relying party is the host of JIT_PUBLIC_URL and nothing else, so an
answer that was given to a look-alike site is for another host and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from jit_access.accounts.models import User
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.mfa.models import Passkey

MAX_ANSWER_CHARS: Final = 16_384
MOST_PASSKEYS: Final = 20
_SITE_NAME: Final = "jit access"
_MALFORMED = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError)


def creation_options(user: User, held: Iterable[Passkey], challenge: bytes) -> dict[str, Any]:
    """What `navigator.credentials.create` needs. Keys that the person has already are not made twice."""
    options = generate_registration_options(
        rp_id=_site_host(),
        rp_name=_SITE_NAME,
        user_id=user.public_id.encode(),
        user_name=user.username,
        user_display_name=user.display_name or user.username,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(held),
    )
    return dict(options_to_json_dict(options))


def request_options(held: Iterable[Passkey], challenge: bytes) -> dict[str, Any]:
    """What `navigator.credentials.get` needs: any one of these keys, with fingerprint, face or PIN."""
    options = generate_authentication_options(
        rp_id=_site_host(),
        challenge=challenge,
        allow_credentials=_descriptors(held),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options_to_json_dict(options))


def read_answer(text: str) -> dict[str, Any]:
    """The browser's answer as JSON, bounded. Raises: PolicyRefusal (passkey-refused)."""
    try:
        answer = json.loads(text) if len(text) <= MAX_ANSWER_CHARS else None
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise PolicyRefusal(Reason.PASSKEY_REFUSED)
    return answer


def challenge_in(answer: Mapping[str, Any]) -> str:
    """The challenge that the browser says it signed; only to find what it was asked. Raises: PolicyRefusal."""
    try:
        told = json.loads(base64url_to_bytes(answer["response"]["clientDataJSON"]))
        challenge = told["challenge"]
    except _MALFORMED as exc:
        raise PolicyRefusal(Reason.PASSKEY_REFUSED) from exc
    if not isinstance(challenge, str) or not challenge.isascii():
        raise PolicyRefusal(Reason.PASSKEY_REFUSED)
    return challenge


def check_creation(answer: dict[str, Any], challenge: bytes) -> VerifiedRegistration:
    """The new key, when the answer is right. Raises: PolicyRefusal (passkey-refused)."""
    try:
        return verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_site_host(),
            expected_origin=settings.PUBLIC_URL,
            require_user_verification=True,
        )
    except _MALFORMED as exc:
        raise PolicyRefusal(Reason.PASSKEY_REFUSED) from exc


def check_proof(answer: dict[str, Any], challenge: bytes, key: Passkey) -> VerifiedAuthentication:
    """What the key proved. Raises: PolicyRefusal (passkey-refused).

    The counter is compared by the caller: the library's refusal of a copied key looks like any other.
    """
    try:
        return verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_site_host(),
            expected_origin=settings.PUBLIC_URL,
            credential_public_key=bytes(key.public_key),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _MALFORMED as exc:
        raise PolicyRefusal(Reason.PASSKEY_REFUSED) from exc


def _site_host() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or ""


def _descriptors(held: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.credential_id)) for key in held]

"""The two messages of OAuth that a sign-in has: the address to leave to, and the code for a token.

What they say is authlib's; the wire is ours, so that it is bounded and follows nobody elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]  # ships no types
from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]  # ships no types
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # ships no types
from django.conf import settings

from jit_access.core.sealing import open_secret
from jit_access.jose.errors import TokenFault
from jit_access.jose.fetching import client_options, talking_to
from jit_access.single_sign_on.models import Provider

_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8", "Accept": "application/json"}
_ERROR = re.compile(r"[a-z_]{1,40}")


def authorization_address(provider: Provider, state: str, verifier: str, more: Mapping[str, str]) -> str:
    """Where to send the person: code flow, PKCE with S256."""
    address: str = prepare_grant_uri(
        provider.authorization_endpoint,
        provider.client_id,
        "code",
        redirect_uri=answer_address(provider),
        scope=provider.scopes,
        state=state,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
        **more,
    )
    return address


def exchange_code(provider: Provider, code: str, verifier: str) -> dict[str, Any]:
    """The token endpoint's answer. Raises: TokenFault when it refuses; PeerError when it cannot be asked."""
    body = prepare_token_request(
        "authorization_code", redirect_uri=answer_address(provider), code=code, code_verifier=verifier
    )
    method = provider.token_auth_method if provider.sealed_secret else "none"
    signed = ClientAuth(provider.client_id, _secret_of(provider), method)
    address, headers, body = signed.prepare("POST", provider.token_endpoint, dict(_FORM), body)
    with talking_to(provider.name), httpx.Client(**client_options()) as client:
        answer = client.post(address, content=body, headers=headers)
        if answer.status_code >= 500 or 300 <= answer.status_code < 400:
            raise ValueError("no answer of a token endpoint")
        found = answer.json()
    if answer.status_code != 200 or not isinstance(found, dict):
        told = found.get("error") if isinstance(found, dict) else ""
        is_word = isinstance(told, str) and _ERROR.fullmatch(told)
        raise TokenFault(f"code-refused {told}" if is_word and told != "invalid_grant" else "code-refused")
    return found


def answer_address(provider: Provider) -> str:
    """Where this provider sends people back to: its own address, which no other provider has."""
    return f"{settings.PUBLIC_URL}/sign-in/answer/{provider.slug}"


def sign_out_address(provider: Provider) -> str:
    """Where one leaves the provider, too (RP-Initiated Logout 1.0, 2); empty where it has no such place."""
    if not provider.end_session_endpoint:
        return ""
    query = urlencode({"client_id": provider.client_id, "post_logout_redirect_uri": f"{settings.PUBLIC_URL}/sign-in"})
    return f"{provider.end_session_endpoint}{'&' if '?' in provider.end_session_endpoint else '?'}{query}"


def secret_context(provider: Provider) -> str:
    """The place that a client secret is sealed for."""
    return f"single_sign_on_provider:{provider.public_id}:sealed_secret"


def _secret_of(provider: Provider) -> str | None:
    if not provider.sealed_secret:
        return None
    return open_secret(provider.sealed_secret, context=secret_context(provider)).reveal()

"""Unseals a target's credential for the connectors. The only room besides the proxies' snapshot that does."""

from __future__ import annotations

from jit_access.connectors.base import Endpoint
from jit_access.core.sealing import Secret, open_secret, seal
from jit_access.targets.models import Target


def endpoint_of(target: Target) -> Endpoint:
    """Where the target is and how to prove ourselves. Raises SealBroken when the sealed text was tampered with."""
    password = open_secret(target.sealed_password, context=_context(target)) if target.sealed_password else Secret("")
    return Endpoint(
        target.slug, target.base_url, target.username, password, target.allow_private, tuple(target.token_origins)
    )


def seal_password(target: Target, password: Secret) -> str:
    """The sealed text for the `sealed_password` column of this very target; empty stays empty."""
    return seal(password.reveal().encode("utf-8"), context=_context(target)) if password else ""


def _context(target: Target) -> str:
    return f"target:{target.public_id}:password"

"""What the holder of a lease signs with, where a protocol wants signatures. Nothing of it is stored (ADR 0018)."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from jit_access.core.secret import Secret
from jit_access.credentials.models import CredentialLease
from jit_access.domain.signing_secrets import derive_secret


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the token of the lease is the third of them."""

    access_key_id: str
    secret_access_key: Secret


def signing_keys(lease: CredentialLease) -> SigningKeys:
    """The same at every call, for as long as the lease lives. Callers show it only where they show the token."""
    secret = derive_secret(settings.VIEW_KEY, lease_id=lease.public_id, token_hash=lease.token_hash)
    return SigningKeys(lease.public_id, Secret(secret))

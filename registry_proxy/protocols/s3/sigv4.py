"""AWS Signature Version 4 as S3 uses it: what both the verifier and our own signing towards a store need.

Source: Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)". S3's own rules: the path is
encoded once, and never normalised.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from registry_proxy.protocols.http1 import Headers

ALGORITHM = "AWS4-HMAC-SHA256"
CHUNK_ALGORITHM = "AWS4-HMAC-SHA256-PAYLOAD"
TRAILER_ALGORITHM = "AWS4-HMAC-SHA256-TRAILER"
TERMINATOR = "aws4_request"
SERVICE = "s3"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_SPACES = re.compile(rb" {2,}")

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class CredentialScope:
    """Day and region for which a signing key was derived."""

    day: str  # YYYYMMDD
    region: str

    def __str__(self) -> str:
        return f"{self.day}/{self.region}/{SERVICE}/{TERMINATOR}"


def encode(text: str, *, safe: str = "") -> str:
    """UriEncode of the specification: A-Z a-z 0-9 - . _ ~ stand for themselves, all else is %XX in upper case."""
    return quote(text.encode("utf-8"), safe=safe + "-._~")


def canonical_query(pairs: Pairs) -> str:
    """Sorted by what is sent: encoded names, then encoded values."""
    return "&".join(f"{name}={value}" for name, value in sorted((encode(key), encode(text)) for key, text in pairs))


def canonical_request(
    method: str, path: str, query: Pairs, fields: Headers, names: tuple[str, ...], payload: str
) -> bytes:  # fmt: skip
    """The request as it is signed. `names` are the signed fields, lower case and in order; all of them are there."""
    lines = [b"%b:%b" % (name.encode("ascii"), _folded(fields, name.encode("ascii"))) for name in names]
    head = "\n".join((method, path, canonical_query(query))).encode("utf-8")
    return b"\n".join((head, *lines, b"", ";".join(names).encode("ascii"), payload.encode("ascii")))


def string_to_sign(at: str, scope: CredentialScope, canonical: bytes) -> str:
    """`at` is the request's time, YYYYMMDDTHHMMSSZ."""
    return "\n".join((ALGORITHM, at, str(scope), hashlib.sha256(canonical).hexdigest()))


def signing_key(secret: str, scope: CredentialScope) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (scope.day, scope.region, SERVICE, TERMINATOR):
        key = hmac.digest(key, part.encode("ascii"), hashlib.sha256)
    return key


def sign(key: bytes, text: str) -> str:
    """Hex HMAC."""
    return hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()


def chunk_to_sign(at: str, scope: CredentialScope, previous: str, payload: str) -> str:
    """Of one chunk of a signed stream; `payload` is the hex hash of its data."""
    return "\n".join((CHUNK_ALGORITHM, at, str(scope), previous, EMPTY_SHA256, payload))


def trailer_to_sign(at: str, scope: CredentialScope, previous: str, trailer: bytes) -> str:
    """Of the trailers of a signed stream."""
    return "\n".join((TRAILER_ALGORITHM, at, str(scope), previous, hashlib.sha256(trailer).hexdigest()))


def _folded(fields: Headers, name: bytes) -> bytes:
    """All values of a field, trimmed, runs of spaces as one."""
    return b",".join(_SPACES.sub(b" ", value.strip()) for key, value in fields if key == name)

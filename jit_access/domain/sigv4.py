"""AWS Signature Version 4 as S3 uses it, for both directions: what clients signed, and what we sign for a store.

Source: Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)". S3's own rules: the path is
encoded once, and never normalised.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
CHUNK_ALGORITHM = "AWS4-HMAC-SHA256-PAYLOAD"
TRAILER_ALGORITHM = "AWS4-HMAC-SHA256-TRAILER"
TERMINATOR = "aws4_request"
SERVICE = "s3"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_SPACES = re.compile(rb" {2,}")

Pairs = Iterable[tuple[str, str]]
Headers = tuple[tuple[bytes, bytes], ...]
# Stores other than AWS take any region, and this is the one they call their own.
_ANY_REGION = "us-east-1"
_AWS = re.compile(rb"s3[.-](?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?::[0-9]+)?")


@dataclass(frozen=True, slots=True)
class CredentialScope:
    """Day and region for which a signing key was derived."""

    day: str  # YYYYMMDD
    region: str

    def __str__(self) -> str:
        return f"{self.day}/{self.region}/{SERVICE}/{TERMINATOR}"


@dataclass(frozen=True, slots=True)
class StoreKey:
    """The credential of a store, and when it is used: UTC epoch seconds."""

    key_id: str
    secret: str = field(repr=False)
    now: float


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


def signed_fields(method: str, path: str, query: Pairs, fields: Headers, payload: str, key: StoreKey) -> Headers:
    """What goes with a request to a store beside `fields`, which hold its host. An open store gets no credential.

    Signed are the host and all fields of S3's own. `payload` is what the store is promised of the body.
    """
    at = datetime.fromtimestamp(key.now, UTC).strftime("%Y%m%dT%H%M%SZ")
    own: Headers = ((b"x-amz-content-sha256", payload.encode("ascii")), (b"x-amz-date", at.encode("ascii")))
    if not key.key_id:
        return own
    signed = (*(pair for pair in fields if pair[0] == b"host" or pair[0].startswith(b"x-amz-")), *own)
    names = tuple(sorted({name.decode("ascii") for name, _ in signed}))
    canonical = canonical_request(method, path, query, signed, names, payload)
    scope = CredentialScope(at[:8], region_of(next(value for name, value in signed if name == b"host")))
    signature = sign(signing_key(key.secret, scope), string_to_sign(at, scope, canonical))
    words = f"{ALGORITHM} Credential={key.key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return (*own, (b"authorization", words.encode("ascii")))


def region_of(host: bytes) -> str:
    """The region in the name of a store of AWS."""
    found = _AWS.fullmatch(host)
    return found[1].decode("ascii") if found else _ANY_REGION

"""Our own signature towards the store, over exactly the fields that go out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from registry_proxy.protocols.http1 import Headers
from registry_proxy.protocols.s3 import sigv4
from registry_proxy.protocols.s3.queries import parse_query
from registry_proxy.protocols.upstream_request import UpstreamRequest

# Stores other than AWS take any region, and this is the one they call their own.
_ANY_REGION = "us-east-1"
_AWS = re.compile(rb"s3[.-](?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?::[0-9]+)?")


@dataclass(frozen=True, slots=True)
class StoreSigner:
    """For one request. `payload` is what the store is promised of the body."""

    now: float
    payload: str

    def fields(self, request: UpstreamRequest, host: bytes, key_id: str, secret: str) -> Headers:
        """What goes with the request beside its own fields. An open store gets no credential."""
        at = datetime.fromtimestamp(self.now, UTC).strftime("%Y%m%dT%H%M%SZ")
        own: Headers = ((b"x-amz-content-sha256", self.payload.encode()), (b"x-amz-date", at.encode()))
        if not key_id:
            return own
        signed = tuple(pair for pair in request.headers if pair[0].startswith(b"x-amz-"))
        fields = (*signed, *own, (b"host", host))
        names = tuple(sorted({name.decode("ascii") for name, _ in fields}))
        path, _, raw = request.target.decode("ascii").partition("?")
        canonical = sigv4.canonical_request(request.method, path, parse_query(raw), fields, names, self.payload)
        scope = sigv4.CredentialScope(at[:8], region_of(host))
        signature = sigv4.sign(sigv4.signing_key(secret, scope), sigv4.string_to_sign(at, scope, canonical))
        authorization = (
            f"{sigv4.ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        return (*own, (b"authorization", authorization.encode("ascii")))


def region_of(host: bytes) -> str:
    """The region in the name of a store of AWS."""
    found = _AWS.fullmatch(host)
    return found[1].decode("ascii") if found else _ANY_REGION

"""Our own signature towards the store, over exactly the fields that go out."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.domain.sigv4 import StoreKey, signed_fields
from registry_proxy.protocols.http1 import Headers
from registry_proxy.protocols.s3.queries import parse_query
from registry_proxy.protocols.upstream_request import UpstreamRequest


@dataclass(frozen=True, slots=True)
class StoreSigner:
    """For one request. `payload` is what the store is promised of the body."""

    now: float
    payload: str

    def fields(self, request: UpstreamRequest, host: bytes, key_id: str, secret: str) -> Headers:
        """What goes with the request beside its own fields."""
        path, _, raw = request.target.decode("ascii").partition("?")
        fields = (*request.headers, (b"host", host))
        key = StoreKey(key_id, secret, self.now)
        return signed_fields(request.method, path, parse_query(raw), fields, self.payload, key)

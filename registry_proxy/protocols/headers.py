"""Which fields pass, in both directions, and what takes their place.

Both lists are allow-lists: hop-by-hop fields, what Connection names, credentials, cookies, `X-Forwarded-*`,
`Impersonate-*`, `X-Remote-*` and their underscore twins never match. Strip first, set our own last
(CVE-2021-31999: a client named the proxy's own field in Connection).
"""

from __future__ import annotations

import re

from registry_proxy.protocols.http1 import Headers, RequestHead, ResponseHead, list_tokens

# Accept-Encoding is not passed on: a digest is over the bytes as stored, so nothing may be compressed on the way.
_REQUEST = frozenset(
    b"accept content-type content-range range user-agent if-match if-none-match if-range if-modified-since "
    b"if-unmodified-since cache-control".split()
)
_RESPONSE = frozenset(
    b"content-type content-range etag last-modified accept-ranges cache-control date range "
    b"docker-content-digest docker-distribution-api-version docker-upload-uuid oci-subject oci-tag "
    b"oci-filters-applied oci-chunk-min-length oci-chunk-max-length retry-after allow x-content-type-options".split()
)
# Somebody here acts on these: a second line would leave the choice to whoever reads next.
SINGLE_IN_ANSWERS = frozenset({b"location", b"docker-content-digest", b"content-range"})
_ONE_RANGE = re.compile(rb"bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})")


def forwarded_request(
    head: RequestHead, *, keeps_ranges: bool, keeps_content_type: bool, more: frozenset[bytes] = frozenset()
) -> list[tuple[bytes, bytes]]:
    """The client's fields that the registry may see. Our own come after them, by `upstream`.

    `more`: fields that a protocol or one of its routes adds.
    """
    dropped = set(list_tokens(head.headers, b"connection"))
    value = head.get(b"range")
    # Several ranges multiply one request into many; a server may always ignore Range (RFC 9110 14.2).
    if not keeps_ranges or (value is not None and not _ONE_RANGE.fullmatch(value)):
        dropped |= {b"range", b"if-range"}
    if not keeps_content_type:
        dropped.add(b"content-type")
    passed = _REQUEST | more if more else _REQUEST
    return [pair for pair in head.headers if pair[0] in passed and pair[0] not in dropped]


def forwarded_response(head: ResponseHead, *, more: frozenset[bytes] = frozenset()) -> Headers:
    """The registry's fields that the client may see; Location and Link are rewritten elsewhere."""
    dropped = list_tokens(head.headers, b"connection")
    passed = _RESPONSE | more if more else _RESPONSE
    return tuple([pair for pair in head.headers if pair[0] in passed and pair[0] not in dropped])

"""S3: an object of a prefix. Each request is signed with the secret of the lease, whatever its path is."""

from __future__ import annotations

import hashlib
from urllib.parse import unquote
from xml.etree import ElementTree

from jit_access.domain.sigv4 import StoreKey, signed_fields
from tests.conformance.profile import USERNAME, Ask, Key, Listing, Profile
from tests.support.gateway import steady_now
from tests.support.raw import RawAnswer

_OBJECT = "/s3/store/models/llama/model.safetensors"
_KEY = "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>9</Size></Contents>"
_LISTED = (
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>models</Name><Prefix>llama/</Prefix>'
    "<KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
    f"{_KEY.format('llama/model.bin')}{_KEY.format('frontier/model.bin')}</ListBucketResult>"
)


def _show(key: Key, ask: Ask) -> tuple[str, ...]:
    path, _, raw = ask.path.partition("?")
    query = [
        (unquote(name), unquote(value)) for name, _, value in (item.partition("=") for item in raw.split("&") if item)
    ]
    own = ((b"host", key.host.encode()), (b"x-amz-security-token", key.token.encode()))
    payload = hashlib.sha256(ask.body).hexdigest()
    signed = signed_fields(ask.method, path, query, own, payload, StoreKey(key.lease, key.secret, steady_now()))
    return tuple(f"{name.decode()}: {value.decode()}" for name, value in (*own[1:], *signed))


def _reason_in(answer: RawAnswer) -> str:
    root = ElementTree.fromstring(answer.body)  # noqa: S314 - our own words
    assert root.tag == "Error"
    assert root.findtext("Code")
    assert root.findtext("Message")
    return root.findtext("Reason") or ""


PROFILE = Profile(
    kind="s3", slug="store", repository="models/llama",
    read=Ask("GET", _OBJECT), forwarded=b"GET /models/llama/model.safetensors HTTP/1.1", answered=(b'ETag: "x"',),
    write=Ask("PUT", "/s3/store/models/llama/new.bin", b"four"),
    written=b'HTTP/1.1 200 OK\r\nETag: "y"\r\nContent-Length: 0\r\n\r\n',
    foreign=(
        Ask("GET", "/s3/store/models/frontier/model.safetensors"), Ask("GET", "/s3/store/models/llama-2/model.bin"),
        Ask("GET", "/s3/store/secret/llama/model.safetensors"), Ask("GET", "/s3/store/models/llama"),
        Ask("GET", "/s3/store/models?list-type=2&prefix=frontier%2F"), Ask("GET", "/s3/store/models?list-type=2"),
    ),
    unknown=(
        Ask("GET", "/s3/store/models?acl"), Ask("GET", "/s3/store/models?policy"), Ask("PUT", "/s3/store/fresh"),
        Ask("GET", f"{_OBJECT}?acl"), Ask("GET", f"{_OBJECT}?tagging"), Ask("GET", f"{_OBJECT}?torrent"),
        Ask("GET", "/s3/store/models?versioning"), Ask("GET", "/s3/store/models?uploads"),
        Ask("POST", f"{_OBJECT}?select&select-type=2"), Ask("DELETE", "/s3/store/models"),
    ),
    twins=(
        "/S3/store/models/llama/model.safetensors", "/store/models/llama/model.safetensors",
        "/s3/store/Models/llama/model.safetensors", "/s3/store/models/LLAMA/model.safetensors",
        f"{_OBJECT}?a=b", f"{_OBJECT}?versionId=", f"{_OBJECT}?x-amz-security-token=x", f"{_OBJECT}?uploadId=a",
        "/s3/store/models/llama%2Fmodel.safetensors",
    ),
    listing=Listing(
        Ask("GET", "/s3/store/models?list-type=2&prefix=llama%2F"), _LISTED.encode(), b"llama/model.bin", b"frontier",
        (b"Content-Type: application/xml",),
    ),
    inside=r"/models/llama/.*|/models\?(.*&)?prefix=llama/.*",
    pickle=_OBJECT.replace(".safetensors", ".pkl"), show=_show, reason_in=_reason_in,
    shows_credential=lambda head: f"AWS4-HMAC-SHA256 Credential={USERNAME}/".encode() in head,
)  # fmt: skip

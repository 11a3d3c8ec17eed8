"""Which target, bucket and key a request means.

`<gateway>/s3/<target>` is the endpoint; path style puts the bucket behind it, virtual-host style in front of the
gateway's own name. The edge let only one spelling of a path through (`paths.ENCODED`), and a slash stands for itself
here, so a key has one spelling and is decoded once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.refusals import Unclassified

PREFIX = "s3"
MAX_SLUG_CHARS = 64
MAX_KEY_BYTES = 1024
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Amazon S3 user guide, "Bucket naming rules". Two dots in a row and addresses are no names.
_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")


@dataclass(frozen=True, slots=True)
class Place:
    """`bucket` is empty for the list of buckets, `key` for the bucket itself. `path` is as it was sent and signed."""

    target: str
    bucket: str
    key: str
    path: str


def parse_path(path: str, bucket: str = "") -> Place:
    """`/s3/<target>[/<bucket>[/<key>]]`, without `<bucket>` where the host names it. Raises Unclassified."""
    slug, _, rest = path.removeprefix(f"/{PREFIX}/").partition("/")
    if not path.startswith(f"/{PREFIX}/") or len(slug) > MAX_SLUG_CHARS or not _SLUG.fullmatch(slug):
        raise Unclassified(404, Reason.ROUTE_UNKNOWN, "The endpoint of a store is <gateway>/s3/<target>.")
    if not bucket:
        bucket, _, rest = rest.partition("/")
    if bucket:
        check_bucket(bucket)
    return Place(slug, bucket, decode_key(rest), path)


def bucket_of(host: bytes, base: str) -> str:
    """The bucket that stands in front of `base` in the Host field; nothing when another name stands there.

    The host is signed, so nobody on the way can have put it there.
    """
    name = host.decode("ascii").lower().partition(":")[0]
    return name.removesuffix(f".{base}") if base and name.endswith(f".{base}") else ""


def check_bucket(name: str) -> None:
    """Raises Unclassified."""
    if not _BUCKET.fullmatch(name) or _ADDRESS.fullmatch(name):
        raise Unclassified(400, Reason.NAME_INVALID, "That is not the name of a bucket.", code="InvalidBucketName")


def decode_key(raw: str) -> str:
    """A key as people see it. Raises Unclassified."""
    if "%2F" in raw:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The slashes of a key stand for themselves.")
    try:
        key = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Unclassified(400, Reason.MALFORMED_REQUEST, "The key is not UTF-8.") from exc
    check_key(key)
    return key


def check_key(key: str) -> None:
    """A key that any store reads as we do: no empty, `.` or `..` segment, nothing that does not print.

    Raises Unclassified. A key may end in a slash: some tools write folders so.
    """
    if not key:
        return
    segments = key.removesuffix("/").split("/")
    is_plain = all(segment not in ("", ".", "..") for segment in segments)
    if not is_plain or not key.isprintable() or "\\" in key or len(key.encode("utf-8")) > MAX_KEY_BYTES:
        raise Unclassified(400, Reason.NAME_INVALID, "The gateway does not serve keys of this form.", code="InvalidURI")


def check_prefix(prefix: str) -> None:
    """The beginning of a key: its last segment need not be whole. Raises Unclassified."""
    *folders, last = prefix.split("/")
    check_key("/".join((*folders, "x")))
    check_key(f"x/{last}" if last != "." else "x")

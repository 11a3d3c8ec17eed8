"""The connector for S3 stores.

The proxy signs every request with the gateway's own key, so there is nothing to create or remove per grant, and both
calls say so. Listed are the folders at the top of each bucket: a model lives under a prefix, and tier, owner and
approvals go by model. A bucket without folders is listed itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn
from urllib.parse import urlsplit

from jit_access.connectors.base import (
    AlreadyGone,
    Endpoint,
    Listing,
    RepositoryDescription,
)
from jit_access.connectors.wire import Reply, Wire
from jit_access.connectors.without_rights import WithoutRights
from jit_access.core import clock
from jit_access.domain import sigv4
from jit_access.domain.plain_xml import BadXML, Node, parse
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import BUCKET_NAME, MAX_NAME_CHARS

CONVERSATION_S = 60.0
MAX_BUCKETS = 200
MAX_PAGES = 400
MAX_DESCRIBED_PAGES = 5
PAGE_SIZE = 1000
_SIZE = re.compile(r"[0-9]{1,15}")
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_NOT_THERE = frozenset({"NoSuchBucket", "NoSuchKey"})


def is_usable(name: str) -> bool:
    """True for a name that a repository of this kind may have here."""
    return len(name) <= MAX_NAME_CHARS and bool(BUCKET_NAME.fullmatch(name))


class S3Connector(WithoutRights):
    """One store, reached with the gateway's own key. `username` is the key's id, `password` its secret."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._wire = Wire(endpoint, lasts_at_most_s=CONVERSATION_S)
        self._pages = 0

    def close(self) -> None:
        self._wire.close()

    def check(self) -> None:
        """Ask for the buckets: what cannot be listed cannot be found either."""
        self._buckets()

    def list_repositories(self) -> Listing:
        """`bucket/folder` for each folder at the top, within bounds."""
        buckets, names, is_complete = self._buckets(), list[str](), True
        for bucket in buckets[:MAX_BUCKETS]:
            folders, is_whole = self._folders(bucket)
            names += [f"{bucket}/{folder}" for folder in folders]
            if is_whole and not folders:
                names.append(bucket)
            is_complete &= is_whole
        usable = [name for name in names if is_usable(name)]
        return Listing(
            tuple(dict.fromkeys(usable)), is_complete and len(buckets) <= MAX_BUCKETS, len(names) - len(usable)
        )

    def describe_repository(self, name: str) -> RepositoryDescription:
        """How much lies there. What would take many requests to add up is left open."""
        bucket, _, prefix = name.partition("/")
        total, count = 0, 0
        for number, page in enumerate(self._listed(bucket, prefix=f"{prefix}/" if prefix else "")):
            if number == MAX_DESCRIBED_PAGES:
                return RepositoryDescription("", None)
            sizes = [item.word("Size") for item in page.all("Contents")]
            total += sum(int(size) for size in sizes if _SIZE.fullmatch(size))
            count += len(sizes)
        if prefix and not count:
            self._gone(name)
        return RepositoryDescription("", total or None)

    # -- lists

    def _buckets(self) -> list[str]:
        root = self._answer("/", {}, "ListAllMyBucketsResult")
        found = [item.word("Name") for node in root.all("Buckets") for item in node.all("Bucket")]
        return [name for name in found if "/" not in name and BUCKET_NAME.fullmatch(name)]

    def _folders(self, bucket: str) -> tuple[list[str], bool]:
        """Names without their slash, and whether that is all of them."""
        folders: list[str] = []
        for page in self._listed(bucket, delimiter="/"):
            if self._pages > MAX_PAGES:
                return folders, False
            folders += [item.word("Prefix").removesuffix("/") for item in page.all("CommonPrefixes")]
        return folders, True

    def _listed(self, bucket: str, **query: str) -> Iterator[Node]:
        query |= {"list-type": "2", "max-keys": str(PAGE_SIZE)}
        while True:
            self._pages += 1
            page = self._answer(f"/{bucket}", query, "ListBucketResult")
            yield page
            following = page.word("NextContinuationToken")
            if page.word("IsTruncated") != "true" or not following:
                return
            query["continuation-token"] = following

    # -- answers

    def _answer(self, path: str, query: dict[str, str], name: str) -> Node:
        """Raises PeerError."""
        reply = self._get(path, query)
        try:
            root = parse(reply.body)
            if reply.status != 200 or root.name != name:
                self._broken()
        except BadXML:
            self._broken()
        return root

    def _get(self, path: str, query: dict[str, str]) -> Reply:
        endpoint = self._wire.endpoint
        fields = ((b"host", urlsplit(endpoint.base_url).netloc.encode("ascii")),)
        key = sigv4.StoreKey(endpoint.username, endpoint.password.reveal(), clock.now().timestamp())
        signed = sigv4.signed_fields("GET", path, query.items(), fields, sigv4.EMPTY_SHA256, key)
        text = sigv4.canonical_query(query.items())
        headers = {name.decode("ascii"): value.decode("ascii") for name, value in signed}
        reply = self._wire.get(f"{path}?{text}" if text else path, headers=headers)
        found = _CODE.search(reply.body) if reply.status >= 400 else None
        code = found[1].decode("ascii") if found else ""
        if code in _NOT_THERE:
            self._gone(path[1:])
        if reply.status in (401, 403):
            self._wire.refuse(Reason.UPSTREAM_REFUSED_CREDENTIAL, "refuses the key, or does not let it list")
        if reply.status == 429 or reply.status >= 500:
            self._wire.postpone(f"answers {reply.status}")
        return reply

    def _gone(self, name: str) -> NoReturn:
        slug = self._wire.endpoint.slug
        raise AlreadyGone(Reason.NOT_FOUND, f"{slug} no longer has {name}.", target=slug)

    def _broken(self) -> NoReturn:
        self._wire.refuse(Reason.UPSTREAM_BROKEN, "answers with something that is not S3's XML")

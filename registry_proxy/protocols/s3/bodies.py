"""The two bodies that decide: which keys a batch deletes, and which parts an upload ends with.

The store gets them written anew from what was read here.
"""

from __future__ import annotations

import base64
import hashlib
import re

from jit_access.domain.plain_xml import BadXML, Node, parse, render
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.http1 import Headers
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.names import check_key

MAX_KEYS = 1000
MAX_PARTS = 10_000
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_ETAG = re.compile(r'"?[A-Za-z0-9-]{1,128}"?')
_SUMS = ("ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumSHA256")
_SUM = re.compile(r"[A-Za-z0-9+/=-]{1,64}")


def read_delete(body: bytes) -> tuple[tuple[str, ...], bytes]:
    """The keys, and the body for the store. Raises Unclassified."""
    root = _read(body, "Delete")
    keys, objects = [], root.all("Object")
    for item in objects:
        if any(child.name != "Key" for child in item.children):
            # VersionId would take an old version away for good; ETag and the others are conditions we do not judge.
            raise _bad("A batch names keys only, without versions and conditions.")
        key = _word(item, "Key")
        check_key(key)
        keys.append(key)
    is_known = all(child.name in ("Object", "Quiet") for child in root.children)
    if not is_known or not 1 <= len(keys) <= MAX_KEYS or not all(keys) or len(set(keys)) != len(keys):
        raise _bad(f"A batch names between 1 and {MAX_KEYS} different keys.")
    quiet = Node("Quiet", "true" if _word(root, "Quiet").strip().lower() == "true" else "false")
    children = (*(Node("Object", children=(Node("Key", key),)) for key in keys), quiet)
    return tuple(keys), render(Node("Delete", children=children))


def read_complete(body: bytes) -> bytes:
    """The body for the store. Raises Unclassified."""
    root = _read(body, "CompleteMultipartUpload")
    parts = tuple(_part(item) for item in root.all("Part"))
    if not 1 <= len(parts) <= MAX_PARTS or len(parts) != len(root.children):
        raise _bad("An upload ends with a list of its parts.")
    return render(Node("CompleteMultipartUpload", children=parts))


def digest_fields(body: bytes) -> Headers:
    """A store asks for one with a batch. It is of the body that goes out, so it is ours."""
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest())
    return ((b"content-md5", digest), (b"content-type", b"application/xml"))


def _part(item: Node) -> Node:
    number, etag = _word(item, "PartNumber").strip(), _word(item, "ETag").strip()
    sums = tuple(Node(name, text) for name in _SUMS if (text := _word(item, name).strip()))
    is_known = all(child.name in ("PartNumber", "ETag", *_SUMS) for child in item.children)
    if not is_known or not _NUMBER.fullmatch(number) or not _ETAG.fullmatch(etag):
        raise _bad("A part has a number, an ETag, and perhaps a checksum.")
    if not all(_SUM.fullmatch(node.text) for node in sums):
        raise _bad("A part has a number, an ETag, and perhaps a checksum.")
    return Node("Part", children=(Node("PartNumber", number), Node("ETag", etag), *sums))


def _read(body: bytes, name: str) -> Node:
    try:
        root = parse(body)
    except BadXML as exc:
        raise _bad("The body is not the XML that belongs here.") from exc
    if root.name != name:
        raise _bad("The body is not the XML that belongs here.")
    return root


def _word(node: Node, name: str) -> str:
    try:
        return node.word(name)
    except BadXML as exc:
        raise _bad("An element comes twice that means one thing only.") from exc


def _bad(sentence: str) -> Unclassified:
    return Unclassified(400, Reason.MALFORMED_REQUEST, sentence, code="MalformedXML")

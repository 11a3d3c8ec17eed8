"""The store's XML answers, written anew: only what the grant covers, and nothing about owners or the store itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote_plus

from jit_access.domain.operations import Operation
from jit_access.domain.plain_xml import BadXML, Node, kept, parse, render
from jit_access.domain.scopes import Scope
from registry_proxy.protocols.s3.scoping import find
from registry_proxy.protocols.s3.uploads import UploadSeal

MAX_ANSWER_BYTES = 8 * 1024**2  # 1,000 keys of 1,024 bytes, each byte encoded, with what is said of them
_SUMS = ("ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumSHA256")
_LIST = ("Name", "Prefix", "Marker", "NextMarker", "KeyCount", "MaxKeys", "Delimiter", "IsTruncated", "StartAfter",
         "ContinuationToken", "NextContinuationToken", "EncodingType")  # fmt: skip
_OBJECT = ("Key", "LastModified", "ETag", "Size", "StorageClass", "ChecksumAlgorithm", "ChecksumType")
_PARTS = ("Bucket", "Key", "PartNumberMarker", "NextPartNumberMarker", "MaxParts", "IsTruncated", "StorageClass",
          "ChecksumAlgorithm", "ChecksumType")  # fmt: skip
_PART = ("PartNumber", "LastModified", "ETag", "Size", *_SUMS)
_COPY = ("ETag", "LastModified", "ChecksumType", *_SUMS)
_DELETED = ("Key", "DeleteMarker", "DeleteMarkerVersionId", "VersionId")


class StoreError(Exception):
    """The store said 200 first and then thought better of it, as it may for copies and completed uploads."""


def read_answer(body: bytes, name: str) -> Node:
    """Raises BadXML, StoreError."""
    root = parse(body)
    if root.name == "Error":
        raise StoreError
    if root.name not in (name, name.replace("Result", "Response")):  # moto's name for a list of parts
        raise BadXML
    return replace(root, name=name)


def clean_list(body: bytes, scope: Scope, bucket: str) -> bytes:
    """Keys and folders of the grant alone, whatever the store made of the prefix. Raises BadXML, StoreError."""
    root = read_answer(body, "ListBucketResult")
    is_encoded = root.word("EncodingType") == "url"
    read: Callable[[str], str] = unquote_plus if is_encoded else str

    def is_granted(text: str) -> bool:
        found = find(scope, bucket, read(text), Operation.PULL)
        return bool(text) and found is not None and Operation.PULL in found.operations

    objects = [_only(item, _OBJECT) for item in root.all("Contents") if is_granted(item.word("Key"))]
    folders = [_only(item, ("Prefix",)) for item in root.all("CommonPrefixes") if is_granted(item.word("Prefix"))]
    head = [node for node in kept(root, _LIST) if node.name != "KeyCount"]
    if root.all("KeyCount"):
        head.append(Node("KeyCount", str(len(objects) + len(folders))))
    return render(Node(root.name, children=(*head, *objects, *folders)))


def clean_created(body: bytes, seal: UploadSeal) -> bytes:
    """With the id that only this session can use. Raises BadXML, StoreError."""
    root = read_answer(body, "InitiateMultipartUploadResult")
    upload_id = root.word("UploadId")
    if not upload_id:
        raise BadXML
    shown = kept(root, ("Bucket", "Key"))
    return render(Node(root.name, children=(*shown, Node("UploadId", seal.close(upload_id)))))


def clean_parts(body: bytes, seal: UploadSeal) -> bytes:
    """Raises BadXML, StoreError."""
    root = read_answer(body, "ListPartsResult")
    shown, parts = kept(root, _PARTS), [_only(item, _PART) for item in root.all("Part")]
    own = Node("UploadId", seal.close(root.word("UploadId")))
    return render(Node(root.name, children=(*shown, own, *parts)))


def clean_completed(body: bytes, location: str) -> bytes:
    """With our own address of the object. Raises BadXML, StoreError."""
    root = read_answer(body, "CompleteMultipartUploadResult")
    shown = kept(root, ("Bucket", "Key", "ETag", "ChecksumType", *_SUMS))
    return render(Node(root.name, children=(Node("Location", location), *shown)))


def clean_copied(body: bytes, name: str) -> bytes:
    """Raises BadXML, StoreError."""
    root = read_answer(body, name)
    return render(Node(root.name, children=tuple(kept(root, _COPY))))


def clean_deleted(body: bytes) -> bytes:
    """Messages of single errors are the store's, so they stay there. Raises BadXML, StoreError."""
    root = read_answer(body, "DeleteResult")
    done = [_only(item, _DELETED) for item in root.all("Deleted")]
    failed = [_only(item, ("Key", "Code")) for item in root.all("Error")]
    return render(Node(root.name, children=(*done, *failed)))


def _only(node: Node, names: tuple[str, ...]) -> Node:
    return replace(node, text="", children=tuple(kept(node, names)))

"""The files of the registry: blobs and manifests by digest, tags as small files that hold one.

Everything is written beside its place and renamed, so that a crash leaves no half file under a good name.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHUNK_BYTES = 1024 * 1024


class DigestMismatch(Exception):
    """The bytes are not what they were announced to be."""


class Store:
    """One folder. Names and digests are checked by the caller, before they become paths."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._uploads = folder / "uploads"
        self._uploads.mkdir(parents=True, exist_ok=True)
        for left in self._uploads.iterdir():  # sessions do not outlive the process
            left.unlink()

    def blob(self, name: str, digest: str) -> Path | None:
        """The file of a blob that this repository knows."""
        known = self._repository(name) / "blobs" / digest.removeprefix("sha256:")
        return self._content(digest) if known.exists() else None

    def link_blob(self, name: str, digest: str) -> None:
        """Let the repository know a blob that is stored already."""
        _touch(self._repository(name) / "blobs" / digest.removeprefix("sha256:"))

    def remove_blob(self, name: str, digest: str) -> bool:
        return _removed(self._repository(name) / "blobs" / digest.removeprefix("sha256:"))

    def manifest(self, name: str, reference: str) -> tuple[str, str, bytes] | None:
        """Digest, media type and bytes; `reference` is a tag or a digest."""
        repository = self._repository(name)
        digest = reference if DIGEST.fullmatch(reference) else _read(repository / "tags" / reference)
        media_type = _read(repository / "manifests" / digest.removeprefix("sha256:")) if digest else ""
        return (digest, media_type, self._content(digest).read_bytes()) if media_type else None

    def put_manifest(self, name: str, reference: str, media_type: str, body: bytes) -> str:
        """Store it and move the tag. Raises: DigestMismatch."""
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        is_digest = bool(DIGEST.fullmatch(reference))
        if is_digest and reference != digest:
            raise DigestMismatch
        _write(self._content(digest), body)
        repository = self._repository(name)
        _write(repository / "manifests" / digest.removeprefix("sha256:"), media_type.encode())
        if not is_digest:
            _write(repository / "tags" / reference, digest.encode())
        return digest

    def remove_manifest(self, name: str, reference: str) -> bool:
        """By digest with its tags, or only the tag."""
        repository = self._repository(name)
        if not DIGEST.fullmatch(reference):
            return _removed(repository / "tags" / reference)
        for tag in self.tags(name):
            if _read(repository / "tags" / tag) == reference:
                (repository / "tags" / tag).unlink()
        return _removed(repository / "manifests" / reference.removeprefix("sha256:"))

    def tags(self, name: str) -> list[str]:
        folder = self._repository(name) / "tags"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def repositories(self) -> list[str]:
        root = self._folder / "repositories"
        return sorted(str(path.parent.parent.relative_to(root)) for path in root.glob("**/@/manifests"))

    def referrers(self, name: str, digest: str) -> list[dict[str, Any]]:
        """Descriptors of manifests whose `subject` is this digest."""
        folder = self._repository(name) / "manifests"
        found = [self._descriptor(f"sha256:{path.name}", path) for path in sorted(folder.glob("*"))]
        return [descriptor for subject, descriptor in found if subject == digest]

    def _descriptor(self, digest: str, path: Path) -> tuple[str, dict[str, Any]]:
        body = self._content(digest).read_bytes()
        manifest = json.loads(body)
        kind = manifest.get("artifactType") or manifest.get("config", {}).get("mediaType", "")
        descriptor = {"mediaType": _read(path), "digest": digest, "size": len(body), "artifactType": kind}
        return manifest.get("subject", {}).get("digest", ""), descriptor

    def begin_upload(self) -> str:
        upload = secrets.token_hex(16)
        (self._uploads / upload).touch()
        return upload

    def upload_size(self, upload: str) -> int | None:
        path = self._uploads / upload
        return path.stat().st_size if re.fullmatch(r"[0-9a-f]{32}", upload) and path.exists() else None

    def append(self, upload: str, source: Callable[[], Iterator[bytes]]) -> int:
        """Add what comes from the client; returns the size so far."""
        with (self._uploads / upload).open("ab") as file:
            for piece in source():
                file.write(piece)
            return file.tell()

    def finish_upload(self, name: str, upload: str, digest: str) -> None:
        """Raises: DigestMismatch, and forgets what came."""
        path = self._uploads / upload
        with path.open("rb") as file:
            actual = f"sha256:{_digest_of(file)}"
        if actual != digest:
            path.unlink()
            raise DigestMismatch
        target = self._content(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        self.link_blob(name, digest)

    def drop_upload(self, upload: str) -> None:
        (self._uploads / upload).unlink(missing_ok=True)

    def _repository(self, name: str) -> Path:
        return self._folder / "repositories" / name / "@"  # no name holds an @, so nested names never meet

    def _content(self, digest: str) -> Path:
        return self._folder / "content" / digest.removeprefix("sha256:")


def _digest_of(file: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while piece := file.read(_CHUNK_BYTES):
        hasher.update(piece)
    return hasher.hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    draft.write_bytes(body)
    draft.replace(path)


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _removed(path: Path) -> bool:
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed

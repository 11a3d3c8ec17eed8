"""The folder: bodies by place and digest, and for each repository a proof that its registry holds the digest there.

    blobs/<place>/<digest>            a whole body that hashed to its name
    held/<place>/<repository>/<digest>  its size and the fields of its answer; the file's age is the age of the proof
    drafts/<anything>                 a body on its way, with all its space taken, locked by whoever writes it

A place is a target's slug and address, hashed: a slug that points elsewhere is another place. Everything survives a
restart, and several workers share it without telling each other anything: names are content, renames are atomic, a
body that is being read may be unlinked.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from registry_proxy.protocols.http1 import Headers

_TOUCH_AFTER_S = 60.0
_MODE = 0o700


@dataclass(frozen=True, slots=True)
class BlobKey:
    """One digest in one repository of one target. Names are hashed: nothing that a client chose becomes a path."""

    place: str
    repository: str
    digest: str  # "sha256:…", checked by the protocol

    @classmethod
    def of(cls, target: str, base_url: str, repository: str, digest: str) -> BlobKey:
        """The key of a request."""
        return cls(_short_hash(f"{target}\n{base_url}"), _short_hash(repository), digest)

    @property
    def file_name(self) -> str:
        """The same for every repository."""
        return self.digest.replace(":", "-")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the registry said about the digest in this repository, and when (this machine's clock)."""

    size: int
    headers: Headers
    at: float


class Draft:
    """A body on its way. Its space is taken from the start, so that the bound holds while many are written."""

    def __init__(self, fd: int, path: Path, size: int) -> None:
        self._fd, self._path, self._size = fd, path, size
        self._written = 0

    def write(self, data: bytes) -> None:
        """Append. Raises OSError."""
        view = memoryview(data)
        while view:
            count = os.write(self._fd, view)
            self._written += count
            view = view[count:]

    @property
    def is_whole(self) -> bool:
        """True once all that was announced is here."""
        return self._written == self._size

    def keep(self, path: Path) -> None:
        """Give it its name; after a power cut it is there whole, or not at all. Raises OSError."""
        os.fdatasync(self._fd)
        path.parent.mkdir(mode=_MODE, parents=True, exist_ok=True)
        self._path.rename(path)
        self.close()

    def drop(self) -> None:
        """Forget it."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file, and of its lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Store:
    """Blocking, short calls. May be used from any thread."""

    def __init__(self, root: Path, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._blobs, self._held, self._drafts = (root / name for name in ("blobs", "held", "drafts"))
        for folder in (self._blobs, self._held, self._drafts):
            folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
        self._lock_path = root / "lock"
        self.used_bytes = 0  # as of the last look

    def proof(self, key: BlobKey) -> Proof | None:
        """What is known of the digest in this repository."""
        try:
            with self._proof_path(key).open("rb") as file:
                told, at = json.loads(file.read()), os.fstat(file.fileno()).st_mtime
            headers = tuple((str(name).encode("ascii"), str(value).encode("ascii")) for name, value in told["headers"])
            return Proof(int(told["size"]), headers, at)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def proved_at(self, key: BlobKey) -> float | None:
        """When the registry showed it; None when it never did, or does not any more."""
        try:
            return self._proof_path(key).stat().st_mtime
        except OSError:
            return None

    def prove(self, key: BlobKey, size: int, headers: Headers) -> None:
        """The registry just showed that this repository holds the digest. Raises OSError."""
        path = self._proof_path(key)
        path.parent.mkdir(mode=_MODE, parents=True, exist_ok=True)
        fields = [[name.decode("ascii"), value.decode("ascii")] for name, value in headers]
        draft = self._drafts / secrets.token_hex(8)
        draft.write_text(json.dumps({"size": size, "headers": fields}), encoding="ascii")
        draft.rename(path)

    def forget_old(self, older_than_s: float) -> None:
        """Remove proofs that nobody believes any more."""
        for path, found in _files(self._held):
            if time.time() - found.st_mtime > older_than_s:
                path.unlink(missing_ok=True)

    def forget(self, key: BlobKey) -> None:
        """The digest is being taken out of this repository."""
        with contextlib.suppress(OSError):
            self._proof_path(key).unlink(missing_ok=True)

    def size(self, key: BlobKey) -> int | None:
        """How large the kept body is, whichever repository it came from; None where there is none."""
        try:
            return self._blob_path(key).stat().st_size
        except OSError:
            return None

    def open(self, key: BlobKey, size: int) -> int | None:
        """A descriptor of the body, for the caller to close; None when it is gone, or was cut short by somebody."""
        path = self._blob_path(key)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        found = os.fstat(fd)
        if found.st_size != size:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        if time.time() - found.st_mtime > _TOUCH_AFTER_S:
            with contextlib.suppress(OSError):
                os.utime(fd)
        return fd

    def begin(self, size: int) -> Draft | None:
        """Space for a body, taken from what was not read for longest; None when there is none to take."""
        if size > self._limit_bytes:
            return None
        path = self._drafts / secrets.token_hex(8)
        try:
            with self._locked():
                if not self._make_room(size):
                    return None
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft = Draft(fd, path, size)
                try:
                    _take_space(fd, size)
                except OSError:
                    draft.drop()
                    return None
                self.used_bytes += size
                return draft
        except OSError:
            return None

    def keep(self, key: BlobKey, draft: Draft) -> None:
        """A whole body that hashed to its digest. Raises OSError."""
        draft.keep(self._blob_path(key))

    # -- room

    def _make_room(self, size: int) -> bool:
        bodies = sorted(_files(self._blobs), key=lambda entry: entry[1].st_mtime)
        used = sum(found.st_size for _, found in bodies) + self._drafts_bytes()
        for path, found in bodies:
            if used + size <= self._limit_bytes:
                break
            path.unlink(missing_ok=True)
            used -= found.st_size
        self.used_bytes = used
        return used + size <= self._limit_bytes

    def _drafts_bytes(self) -> int:
        """What is being written by anybody; what a dead process left is removed."""
        used = 0
        for path, found in _files(self._drafts):
            try:
                fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                used += found.st_size
            else:
                if found.st_size and time.time() - found.st_mtime > _TOUCH_AFTER_S:
                    path.unlink(missing_ok=True)
            finally:
                os.close(fd)
        return used

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time over all workers: two that look at once would both think that there is room."""
        fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _blob_path(self, key: BlobKey) -> Path:
        return self._blobs / key.place / key.file_name

    def _proof_path(self, key: BlobKey) -> Path:
        return self._held / key.place / key.repository / key.file_name


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # somebody was faster
            found = path.stat()
            if path.is_file():
                yield path, found


def _take_space(fd: int, size: int) -> None:
    """Raises OSError when the disk has less: better now than in the middle."""
    if size and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:
        os.ftruncate(fd, size)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]

"""The cache as the rest of the proxy sees it: find a body, renew a proof, fill, forget."""

from __future__ import annotations

import os
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry_proxy.blob_cache.filling import Fill, Writer
from registry_proxy.blob_cache.store import BlobKey, Proof, Store
from registry_proxy.protocols.http1 import Headers

# Up to this size a body is kept in memory too, and answered by one write: sendfile costs more than it saves.
SMALL_BYTES = 64 * 1024
MEMORY_BYTES = 16 * 1024 * 1024
_NOT_KEPT = frozenset({b"date", b"cache-control", b"retry-after"})


@dataclass(frozen=True, slots=True)
class Found:
    """A kept body: in memory, or as a descriptor for the caller to close."""

    size: int
    headers: Headers
    body: bytes | None = None
    fd: int = -1

    def close(self) -> None:
        """For one that is not sent after all."""
        if self.fd >= 0:
            os.close(self.fd)


class BlobCache:
    """One per process, over a folder that all processes share. Belongs to the event loop's thread."""

    def __init__(
        self, root: Path, limit_bytes: int, proof_s: float, *, clock: Callable[[], float] = time.time
    ) -> None:  # fmt: skip
        self._store = Store(root, limit_bytes)
        self._writer = Writer(self._store, proof_s)
        self._proof_s, self._clock = proof_s, clock
        self._small: OrderedDict[BlobKey, tuple[Proof, bytes]] = OrderedDict()
        self._small_bytes = 0
        self.requests: Counter[str] = Counter({"hit": 0, "miss": 0})

    @property
    def fills(self) -> Counter[str]:
        """What became of bodies that were on their way."""
        return self._writer.results

    @property
    def used_bytes(self) -> int:
        """On disk, as of the last look."""
        return self._store.used_bytes

    def find(self, key: BlobKey) -> Found | None:
        """The body, if it is here and its registry showed lately that this repository holds it."""
        held = self._small.get(key)
        if held is not None and self._store.proved_at(key) != held[0].at:
            held = None  # another worker renewed it, or forgot it
            self._drop_small(key)
        proof = held[0] if held is not None else self._store.proof(key)
        if proof is None or not self._is_fresh(proof):
            self._drop_small(key)
            return None
        if held is not None:
            self._small.move_to_end(key)
            return Found(proof.size, proof.headers, held[1])
        fd = self._store.open(key, proof.size)
        if fd is None:
            self._store.forget(key)
            return None
        if proof.size > SMALL_BYTES:
            return Found(proof.size, proof.headers, fd=fd)
        with os.fdopen(fd, "rb") as file:
            body = file.read()
        if len(body) != proof.size:
            return None
        self._remember_small(key, proof, body)
        return Found(proof.size, proof.headers, body)

    def unproved_size(self, key: BlobKey) -> int | None:
        """The size of a body that is here but not proved for this repository: worth asking the registry by a HEAD."""
        return self._store.size(key)

    def prove(self, key: BlobKey, size: int, headers: Headers) -> None:
        """The registry just answered that this repository holds the digest."""
        self._drop_small(key)
        try:
            self._store.prove(key, size, _kept(headers))
        except OSError:  # then it is asked again next time
            return

    def begin_fill(self, key: BlobKey, size: int, headers: Headers) -> Fill | None:
        """Keep a body that begins now; None when somebody is at it."""
        return self._writer.begin(key, size, _kept(headers))

    def forget(self, key: BlobKey) -> None:
        """Somebody deletes the digest from this repository."""
        self._drop_small(key)
        self._store.forget(key)

    def close(self) -> None:
        """Finish what is being written. Blocks for seconds at most."""
        self._writer.close()

    def _is_fresh(self, proof: Proof) -> bool:
        """One from the future is none: the clock went back, and nobody knows how old it is."""
        return 0 <= self._clock() - proof.at < self._proof_s

    def _remember_small(self, key: BlobKey, proof: Proof, body: bytes) -> None:
        self._small[key] = (proof, body)
        self._small_bytes += len(body)
        while self._small_bytes > MEMORY_BYTES:
            _, (_, oldest) = self._small.popitem(last=False)
            self._small_bytes -= len(oldest)

    def _drop_small(self, key: BlobKey) -> None:
        held = self._small.pop(key, None)
        if held is not None:
            self._small_bytes -= len(held[1])


def _kept(headers: Headers) -> Headers:
    """What is said of the body, not of the moment or of caches: each hit is decided anew."""
    return tuple(pair for pair in headers if pair[0] not in _NOT_KEPT)

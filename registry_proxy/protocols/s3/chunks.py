"""aws-chunked bodies, read strictly: sizes, signatures of chunks, and the checksum that follows as a trailer.

Source: Amazon S3 API reference, "Signature calculations: transferring payload in multiple chunks", and "Trailing
headers". Signed chunks are held until their signature fits. What a store gets is framed anew: plain, or in unsigned
chunks with the checksum behind, because signatures of chunks are made with a secret that the store does not know.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from jit_access.domain import sigv4
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.bodies import frame_chunk
from registry_proxy.protocols.body_checks import BodyRefused
from registry_proxy.protocols.s3.checksums import Sums, make_checksum, read_checksum
from registry_proxy.protocols.s3.payloads import WITH_TRAILER, PayloadKind
from registry_proxy.protocols.s3.proving import Proof

# A signed chunk is in memory until it has arrived; AWS's own clients send 64 KiB to 1 MiB.
MAX_SIGNED_CHUNK_BYTES = 1024**2
MAX_LINE_BYTES = 512
MAX_TRAILER_LINES = 4
OUT_CHUNK_BYTES = 64 * 1024  # AWS takes chunks from 8 KiB on, but for the last one
_SIZE = re.compile(rb"([0-9a-fA-F]{1,10})")
_SIGNED_SIZE = re.compile(rb"([0-9a-fA-F]{1,10});chunk-signature=([0-9a-f]{64})")
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class Lines:
    """Bytes that arrive in any pieces, taken as lines or as runs of known length."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, data: bytes) -> None:
        """More of them."""
        self._bytes += data

    def __len__(self) -> int:
        return len(self._bytes)

    def line(self) -> bytes | None:
        """The next line without its CRLF, or None while it is not whole. Raises BodyRefused when it is too long."""
        end = self._bytes.find(b"\r\n", 0, MAX_LINE_BYTES + 2)
        if end < 0:
            if len(self._bytes) > MAX_LINE_BYTES:
                raise BodyRefused(Reason.MALFORMED_REQUEST)
            return None
        line = bytes(self._bytes[:end])
        del self._bytes[: end + 2]
        return line

    def take(self, count: int) -> bytes:
        """At most so many bytes."""
        taken = bytes(self._bytes[:count])
        del self._bytes[:count]
        return taken


class ChunkedCheck:
    """A `BodyCheck`. `_left` is what is still to come of the current chunk; None between chunks."""

    def __init__(self, proof: Proof) -> None:
        payload = proof.payload
        self._proof, self._size, self._trailer = proof, payload.size, payload.trailer
        self._is_signed = payload.kind is not PayloadKind.UNSIGNED_TRAILER
        self._reframes = payload.kind in WITH_TRAILER
        self._checksum = make_checksum(payload.trailer) if payload.trailer else None
        self._sums = Sums(payload.promised)
        self._previous = proof.signature
        self._lines, self._out, self._chunk = Lines(), bytearray(), bytearray()
        self._left: int | None = None
        self._signature = ""
        self._seen = 0
        self._trailers: list[tuple[str, str]] = []
        self._in_trailers = self._is_done = False

    def feed(self, data: bytes) -> bytes:
        """Read as far as it goes. At least the end stays here until `finish`."""
        self._lines.add(data)
        while self._step():
            pass
        if self._is_done and len(self._lines):  # at once: nobody keeps what belongs to nothing
            raise BodyRefused(Reason.MALFORMED_REQUEST)
        return self._given()

    def finish(self) -> bytes:
        """Everything fits: the rest, with the checksum behind it."""
        if not self._is_done:
            raise BodyRefused(Reason.MALFORMED_REQUEST)
        rest = bytes(self._out)
        if not self._reframes:
            return rest
        value = dict(self._trailers)[self._trailer]
        end = f"0\r\n{self._trailer}:{value}\r\n\r\n".encode("ascii")
        return (frame_chunk(rest) if rest else b"") + end

    def _given(self) -> bytes:
        """What may go on by now: of a plain body all but the last bytes, of a framed one whole chunks."""
        if len(self._out) <= OUT_CHUNK_BYTES:
            return b""
        given = bytes(self._out[:-1])
        del self._out[:-1]
        return frame_chunk(given) if self._reframes else given

    def _step(self) -> bool:
        """One line or one run of data; False when more has to come."""
        if self._is_done:
            return False
        if self._left is not None:
            return self._read_data(self._left)
        line = self._lines.line()
        if line is None:
            return False
        if self._in_trailers:
            self._read_trailer(line)
        else:
            self._begin_chunk(line)
        return True

    def _begin_chunk(self, line: bytes) -> None:
        found = (_SIGNED_SIZE if self._is_signed else _SIZE).fullmatch(line)
        if not found:
            raise BodyRefused(Reason.MALFORMED_REQUEST)
        size = int(found[1], 16)
        self._signature = found[2].decode("ascii") if self._is_signed else ""
        if self._seen + size > self._size or (self._is_signed and size > MAX_SIGNED_CHUNK_BYTES):
            raise BodyRefused(Reason.REQUEST_TOO_LARGE)
        if size:
            self._left = size
            return
        if self._seen != self._size:
            raise BodyRefused(Reason.MALFORMED_REQUEST)
        self._check_chunk(b"")
        self._in_trailers = True

    def _read_data(self, left: int) -> bool:
        if left:
            data = self._lines.take(left)
            if not data:
                return False
            self._left = left - len(data)
            self._seen += len(data)
            if self._is_signed:
                self._chunk += data
            else:
                self._accept(data)
            return True
        if len(self._lines) < 2:
            return False
        if self._lines.take(2) != b"\r\n":
            raise BodyRefused(Reason.MALFORMED_REQUEST)
        self._left = None
        if self._is_signed:
            chunk, self._chunk = bytes(self._chunk), bytearray()
            self._check_chunk(chunk)
            self._accept(chunk)
        return True

    def _accept(self, data: bytes) -> None:
        if self._checksum is not None:
            self._checksum.update(data)
        self._sums.update(data)
        self._out += data

    def _check_chunk(self, data: bytes) -> None:
        if not self._is_signed:
            return
        proof = self._proof
        text = sigv4.chunk_to_sign(proof.at, proof.scope, self._previous, hashlib.sha256(data).hexdigest())
        self._check_signature(text, self._signature)

    def _check_signature(self, text: str, given: str) -> None:
        expected = sigv4.sign(self._proof.key, text)
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise BodyRefused(Reason.SIGNATURE_INVALID)
        self._previous = expected

    def _read_trailer(self, line: bytes) -> None:
        if not line:
            self._end()
            return
        name, colon, value = line.partition(b":")
        if not colon or not line.isascii() or len(self._trailers) >= MAX_TRAILER_LINES:
            raise BodyRefused(Reason.MALFORMED_REQUEST)
        self._trailers.append((name.decode("ascii").strip().lower(), value.decode("ascii").strip()))

    def _end(self) -> None:
        """The names must be exactly those that were promised; then the values."""
        names = [name for name, _ in self._trailers]
        promised = [self._trailer] if self._trailer else []
        if self._is_signed and self._trailer:
            promised.append(_TRAILER_SIGNATURE)
        if names != promised:
            raise BodyRefused(Reason.MALFORMED_REQUEST)
        values = dict(self._trailers)
        if _TRAILER_SIGNATURE in values:
            signed = f"{self._trailer}:{values[self._trailer]}\n".encode("ascii")
            text = sigv4.trailer_to_sign(self._proof.at, self._proof.scope, self._previous, signed)
            self._check_signature(text, values[_TRAILER_SIGNATURE])
        if self._trailer:
            self._check_sum(values[self._trailer])
        if not self._sums.hold():
            raise BodyRefused(Reason.DIGEST_MISMATCH)
        self._is_done = True

    def _check_sum(self, text: str) -> None:
        value = read_checksum(self._trailer, text)
        if value is None:
            raise BodyRefused(Reason.MALFORMED_REQUEST)
        if self._checksum is not None and not hmac.compare_digest(self._checksum.digest(), value):
            raise BodyRefused(Reason.DIGEST_MISMATCH)

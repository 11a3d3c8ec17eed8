"""Bodies that come as they are, with what was promised of them in front."""

from __future__ import annotations

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.body_checks import BodyRefused
from registry_proxy.protocols.s3.checksums import Promised, Sums


class PlainCheck:
    """A `BodyCheck` for a body whose checksums stood in the head, the signed one among them."""

    def __init__(self, promised: Promised) -> None:
        self._sums, self._held = Sums(promised), b""

    def feed(self, data: bytes) -> bytes:
        """One piece behind, so that the end stays here."""
        self._sums.update(data)
        given, self._held = self._held, data
        return given

    def finish(self) -> bytes:
        """The last piece."""
        if not self._sums.hold():
            raise BodyRefused(Reason.DIGEST_MISMATCH)
        return self._held

"""The body of the request that is being served: where it ends, and who takes it."""

from __future__ import annotations

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.bodies import BodyReader, CountedBody, RawBody, make_reader
from registry_proxy.protocols.http1 import FramingError
from registry_proxy.stream.sides import BodySink


class IncomingBody:
    """One per connection, begun anew with every head. Until somebody takes the body, it waits on the wire."""

    def __init__(self) -> None:
        self._reader: BodyReader = CountedBody(0)
        self._sink: BodySink | None = None
        self._is_out_of_step = False

    def expect(self, length: int) -> None:
        """A head announced so many bytes, or CHUNKED."""
        self._reader = make_reader(length)

    @property
    def is_complete(self) -> bool:
        """True when the end was seen."""
        return self._reader.is_complete

    @property
    def is_read(self) -> bool:
        """True when nothing of it is left on the wire, and what follows can only be the next head."""
        return self._reader.is_complete and not self._is_out_of_step

    @property
    def is_taken(self) -> bool:
        """True while somebody takes it."""
        return self._sink is not None

    @property
    def bytes_left(self) -> int:
        """What is still to come of a known length."""
        return self._reader.remaining if self._sink is not None else 0

    def give_to(self, sink: BodySink) -> None:
        """From now on this one takes it."""
        if self._reader.is_complete:
            sink.on_end()
        else:
            self._sink = sink

    def feed(self, data: bytes) -> bytes:
        """Hand payload on. Returns what follows the body."""
        sink = self._sink
        if sink is None:
            return data
        try:
            payload, rest = self._reader.feed(data)
        except FramingError:
            self._is_out_of_step = True
            self.break_off(Reason.MALFORMED_REQUEST)
            return b""
        if payload:
            sink.on_data(payload)
        self._end_if_complete()
        return rest

    def skip(self, count: int) -> None:
        """So much of it went past in the kernel."""
        if isinstance(self._reader, CountedBody):
            self._reader.skip(count)
        self._end_if_complete()

    def break_off(self, reason: Reason) -> None:
        """It will never be complete; who takes it is told, once."""
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.on_broken(reason)

    def end_half(self) -> None:
        """The client ended its half: the end of raw bytes, the break of any other body."""
        if isinstance(self._reader, RawBody):
            self._reader.end()
            self._end_if_complete()
        else:
            self.break_off(Reason.CLIENT_WENT_AWAY)

    def drop(self) -> None:
        """Nobody takes it any more."""
        self._sink = None

    def _end_if_complete(self) -> None:
        if self._reader.is_complete and self._sink is not None:
            sink, self._sink = self._sink, None
            sink.on_end()

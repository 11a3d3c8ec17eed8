"""The trace that an exchange belongs to (W3C Trace Context, level 1): the client's when it sent one, else our own.

A client's id is only a claim, so it never takes the place of our own id of the exchange; it stands beside it in the
record, and goes on to the registry with a span id of ours. `tracestate` and `baggage` are not passed on: nobody here
reads them, and a registry must not be reached by text of a client's choice.
"""

from __future__ import annotations

import re

from registry_proxy.protocols.values import value

# Version 00 alone, lower-case hex alone, exactly this long. An id of zeros is no id.
_TRACEPARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
_SAMPLED = 0x01
_SPAN_CHARS = 16


@value
class Trace:
    """`name` is what the record says; `parent` is the field for the registry."""

    name: str
    parent: bytes


def trace_of(exchange_id: str, fields: tuple[bytes, ...]) -> Trace:
    """The trace of an exchange. `fields`: every traceparent that came; two are none, because readers would differ.

    Our own ids are made from the exchange's: 32 random hex digits are a trace id, their second half a span id.
    """
    digits = exchange_id.rpartition("_")[2]
    span = digits[-_SPAN_CHARS:]
    match = _TRACEPARENT.fullmatch(fields[0]) if len(fields) == 1 else None
    if match is None:
        # Sampled: the registry then does what it does for a request that brings no trace, by OpenTelemetry's default.
        return Trace(exchange_id, f"00-{digits}-{span}-01".encode("ascii"))
    flags = int(match[2], 16) & _SAMPLED
    return Trace(match[1].decode("ascii"), b"00-%b-%b-%02x" % (match[1], span.encode("ascii"), flags))

"""A trace is continued only when there is no doubt what it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_proxy.protocols.tracing import trace_of

OURS = "exc_0123456789abcdef0011223344556677"
OWN = (OURS, b"00-0123456789abcdef0011223344556677-0011223344556677-01")
THEIRS, SPAN = b"4bf92f3577b34da6a3ce929d0e0e4736", b"00f067aa0ba902b7"
VALID = b"00-" + THEIRS + b"-" + SPAN + b"-01"
FORM = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")


def test_valid_trace_goes_on_with_a_span_of_ours() -> None:
    trace = trace_of(OURS, (VALID,))
    assert (trace.name, trace.parent) == (THEIRS.decode(), b"00-" + THEIRS + b"-0011223344556677-01")


@pytest.mark.parametrize(("flags", "passed"), [(b"00", b"00"), (b"01", b"01"), (b"ff", b"01"), (b"02", b"00")])
def test_only_the_flag_that_is_known_is_passed_on(flags: bytes, passed: bytes) -> None:
    assert trace_of(OURS, (VALID[:-2] + flags,)).parent.endswith(b"-" + passed)


@pytest.mark.parametrize(
    "fields",
    [
        (), (VALID, VALID), (VALID, b""), (b"",), (VALID.upper(),), (b" " + VALID,), (VALID + b" ",), (VALID + b"-x",),
        (b"01" + VALID[2:],), (b"ff" + VALID[2:],), (VALID[:-1],), (VALID + b"\n",), (VALID.replace(b"-", b"_"),),
        (VALID.replace(THEIRS, b"0" * 32),), (VALID.replace(SPAN, b"0" * 16),), (VALID.replace(b"4bf9", b"4BF9"),),
        (VALID.replace(b"4bf9", b"4bg9"),),
    ],
)  # fmt: skip
def test_anything_else_is_a_trace_of_our_own(fields: tuple[bytes, ...]) -> None:
    trace = trace_of(OURS, fields)
    assert (trace.name, trace.parent) == OWN


@given(st.lists(st.binary(max_size=80), max_size=3))
def test_whatever_comes_the_registry_gets_a_valid_one(fields: list[bytes]) -> None:
    assert FORM.fullmatch(trace_of(OURS, tuple(fields)).parent)

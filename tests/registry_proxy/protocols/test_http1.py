"""Words of HTTP/1.1: the fast way and the plain way of saying the same."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from registry_proxy.protocols.http1 import has_bare_line_break

_PLAINLY = re.compile(rb"(?<!\r)\n|\r(?!\n)|\x00")
_BYTES = st.lists(st.sampled_from([b"a", b"\r\n", b"\r", b"\n", b"\x00"]), max_size=12).map(b"".join)


@given(_BYTES)
def test_bare_breaks_are_found_as_by_a_plain_pattern(data: bytes) -> None:
    assert has_bare_line_break(data, 0, len(data)) is bool(_PLAINLY.search(data))


@given(_BYTES, st.data())
def test_pieces_find_what_the_whole_would_find(data: bytes, draw: st.DataObject) -> None:
    """A piece may begin within a line break, and ends only where none is half on its way."""
    seam = draw.draw(st.integers(0, len(data)))
    if data[seam - 1 : seam + 1] == b"\r\n" and seam:
        seam -= 1
    pieces = has_bare_line_break(data, 0, seam) or has_bare_line_break(data, seam, len(data))
    assert pieces is has_bare_line_break(data, 0, len(data))


def test_piece_that_begins_within_a_line_break_is_fine() -> None:
    assert not has_bare_line_break(b"a\r\nb", 2, 4)
    assert has_bare_line_break(b"a\nb", 1, 3)

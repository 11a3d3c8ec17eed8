"""What was read a moment ago. The same bytes under the same limits have one reading, so they are read once.

A client sends the same bytes when it asks again, and so do the many machines that fetch one model with one tool; the
same fields come with every request of a tool, whatever it asks for. What was refused is never remembered, and llhttp's
opinion is about every new head as a whole. A head may hold a token, so nothing is kept for long.
"""

from __future__ import annotations

from typing import TypeVar

from registry_proxy.edge.head import FieldBlock, put_together, read_fields, read_request_line, split_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.protocols.http1 import RequestHead

Reading = TypeVar("Reading")

MOST = 512
LONGEST_BYTES = 2048  # of what is kept: together at most a few MiB


class HeadReader:
    """One per listener. `forget` is called every few seconds."""

    def __init__(self, limits: EdgeLimits) -> None:
        self._limits = limits
        self._heads: dict[bytes, RequestHead] = {}
        self._blocks: dict[bytes, FieldBlock] = {}

    @property
    def remembered(self) -> int:
        """How many readings are kept."""
        return len(self._heads) + len(self._blocks)

    def read(self, raw: bytes) -> RequestHead:
        """As `read_head`. Raises EdgeRefusal."""
        head = self._heads.get(raw)
        if head is None:
            line, block = split_head(raw)
            method, target = read_request_line(line, self._limits)
            head = put_together(raw, method, target, self._read_fields(block), self._limits)
            _remember(self._heads, raw, head)
        return head

    def forget(self) -> None:
        """Whoever asks next is read anew."""
        self._heads.clear()
        self._blocks.clear()

    def _read_fields(self, block: bytes) -> FieldBlock:
        fields = self._blocks.get(block)
        if fields is None:
            fields = read_fields(block, self._limits)
            _remember(self._blocks, block, fields)
        return fields


def _remember(known: dict[bytes, Reading], raw: bytes, reading: Reading) -> None:
    if len(raw) > LONGEST_BYTES:
        return
    if len(known) >= MOST:
        known.clear()
    known[raw] = reading

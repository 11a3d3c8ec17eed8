"""Lists come in pages with an address each. Cursors, because rows arrive while one reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

_LONGEST_KEY = 18  # digits that any database takes for a key
LARGEST_PAGE = 100


class Bounded(CursorPagination):
    """`?cursor=…&page_size=…`, the second from 1 to 100 or refused."""

    page_size = 50
    max_page_size = LARGEST_PAGE
    page_size_query_param = "page_size"

    def get_page_size(self, request: Request) -> int | None:
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        if not _is_key(text) or not 1 <= int(text) <= LARGEST_PAGE:
            raise CallerError(Reason.INVALID_INPUT, f"page_size is from 1 to {LARGEST_PAGE}.", field="page_size")
        return int(text)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for one in found:
            if one["name"] == self.page_size_query_param:
                one["schema"] = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE}
        return found


class NewestFirst(Bounded):
    """Newest rows first."""

    ordering = "-pk"

    def decode_cursor(self, request: Request) -> Cursor | None:
        """A cursor is nothing secret, so anybody can make one up."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_key(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class ByName(Bounded):
    """In the order of `access_requests.catalogue.search`: its key is different for each row.

    A cursor on a key that many rows share counts on within them, and gives up after a thousand.
    """

    ordering = "place"
    page_size = 25

    def decode_cursor(self, request: Request) -> Cursor | None:
        """As above; a name is any text that the database takes."""
        cursor = super().decode_cursor(request)
        if cursor is not None and "\x00" in str(cursor.position):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class InOrder(Bounded):
    """Over what a selector gave in its own order, all of it in memory: short lists whose order is no column.

    The cursor names the last thing that was shown and how many there were by then: what went away meanwhile shifts
    nothing, and when the thing itself is gone, the count says where to go on.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:  # noqa: ARG002  # DRF's
        rows: Sequence[Any] = queryset
        self.base_url = request.build_absolute_uri()
        size = self.get_page_size(request) or self.page_size
        start = _start(rows, self.decode_cursor(request))
        self._next = self._link(rows, start + size) if start + size < len(rows) else None
        self._previous = self._link(rows, max(0, start - size)) if start else None
        return list(rows[start : start + size])

    def get_next_link(self) -> str | None:
        return self._next

    def get_previous_link(self) -> str | None:
        return self._previous

    def _link(self, rows: Sequence[Any], start: int) -> str:
        before: Any = _name_of(rows[start - 1]) if start else None  # the stubs know only keys that are numbers
        return self.encode_cursor(Cursor(offset=start, reverse=False, position=before or None))


def _start(rows: Sequence[Any], cursor: Cursor | None) -> int:
    if cursor is None:
        return 0
    before = str(cursor.position or "")
    for place, row in enumerate(rows):
        if before and _name_of(row) == before:
            return place + 1
    return min(int(cursor.offset), len(rows))


def _name_of(row: Any) -> str:
    row = getattr(row, "request", row)
    return str(getattr(row, "public_id", "") or getattr(row, "record", ""))


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_KEY

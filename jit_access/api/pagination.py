"""Lists come in pages with an address each. Cursors, because rows arrive while one reads."""

from __future__ import annotations

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

_LONGEST_KEY = 18  # digits that any database takes for a key


class NewestFirst(CursorPagination):
    """`?cursor=…&page_size=…` (at most 100), newest rows first."""

    ordering = "-pk"
    page_size = 50
    max_page_size = 100
    page_size_query_param = "page_size"

    def decode_cursor(self, request: Request) -> Cursor | None:
        """A cursor is nothing secret, so anybody can make one up."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_key(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class ByName(CursorPagination):
    """`?cursor=…`, in the order of `access_requests.catalogue.search`: its key is different for each row.

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


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_KEY

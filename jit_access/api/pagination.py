"""Lists come in pages with an address each. Cursors, because rows arrive while one reads."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """`?cursor=…&page_size=…` (at most 100), newest rows first."""

    ordering = "-pk"
    page_size = 50
    max_page_size = 100
    page_size_query_param = "page_size"

"""docs/reference/pages-and-api.md: each page that changes something, and the operation behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jit_access.web import urls
from tests.api.walking import operations
from tests.architecture.sources import ROOT

PAGE = ROOT / "docs" / "reference" / "pages-and-api.md"
ROW = re.compile(r"^\| `([\w-]+)` \| (?:`(\w+)`|(\S.*?)) \|$", re.MULTILINE)


def rows() -> dict[str, tuple[str, str]]:
    return {name: (operation, why) for name, operation, why in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def methods_of(view: Any) -> Iterator[str]:
    """Those that `require_http_methods` lets through, wherever it stands among the decorators."""
    while view is not None:
        for cell in getattr(view, "__closure__", None) or ():
            if isinstance(cell.cell_contents, list | tuple):
                yield from (one for one in cell.cell_contents if isinstance(one, str))
        view = getattr(view, "__wrapped__", None)


def changing() -> set[str]:
    return {str(one.name) for one in urls.urlpatterns if "POST" in set(methods_of(one.callback))}


def test_every_page_that_changes_something_is_in_the_table() -> None:
    assert len(changing()) > 50
    assert set(rows()) == changing(), f"add or remove rows in {PAGE.name}"


def test_every_operation_of_the_table_exists() -> None:
    known = {one.name for one in operations()}
    assert {operation for operation, _ in rows().values() if operation} <= known

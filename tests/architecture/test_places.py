"""The table "Where to look" leads a reader to what is there."""

from __future__ import annotations

import ast
import re

from tests.architecture.sources import ROOT, tree_of

_ROW = re.compile(r"^\| [^|]+ \| ((?:`[\w/]+\.py`(?:, )?)+) \| `(\w+)` \|$", re.MULTILINE)
_DEFINED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def places() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("### Where to look")[2].partition("\n## ")[0]
    return [(path, name) for paths, name in _ROW.findall(table) for path in re.findall(r"`([^`]+)`", paths)]


def names_in(path: str) -> set[str]:
    return {node.name for node in ast.walk(tree_of(ROOT / path)) if isinstance(node, _DEFINED)}


def test_every_place_is_where_the_table_says() -> None:
    found = places()
    assert len(found) >= 15
    assert [(path, name) for path, name in found if name not in names_in(path)] == []


def test_name_that_is_not_there_is_noticed() -> None:
    assert "no_such_name" not in names_in("registry_proxy/edge/head.py")

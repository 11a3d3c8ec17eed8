"""What does not fit on a few screens is not understood."""

from __future__ import annotations

import ast

from tests.architecture.sources import python_files, relative, tree_of

FILE_LINES = 600
FUNCTION_LINES = 80
OURS = python_files("jit_access", "registry_proxy", "tests", "benchmarks")


def test_files_are_short_enough() -> None:
    sizes = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in OURS}
    assert {name: size for name, size in sizes.items() if size > FILE_LINES} == {}


def test_functions_are_short_enough() -> None:
    assert [f"{relative(path)}: {name}" for path in OURS for name in long_functions(tree_of(path))] == []


def test_long_function_is_noticed() -> None:
    body = "\n".join("    x = 1" for _ in range(FUNCTION_LINES))
    assert long_functions(ast.parse(f"def f():\n{body}")) == ["f"]


def long_functions(tree: ast.Module) -> list[str]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [node.name for node in functions if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES]

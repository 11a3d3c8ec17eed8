"""State moves through `core.transitions.move` and nowhere else; nothing waits in a queue for long."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import python_files, relative, tree_of

CONTROL_PLANE = python_files("jit_access")
MOVER = "jit_access/core/transitions.py"
# Values that have a `state` but no lifecycle in the database, with why.
NO_LIFECYCLE: frozenset[str] = frozenset()
LONGEST_WAIT_S = 60


def test_state_is_not_set_by_hand() -> None:
    looked_at = [path for path in CONTROL_PLANE if relative(path) not in {MOVER, *NO_LIFECYCLE}]
    assert [f"{relative(path)}:{line}" for path in looked_at for line in hand_made_moves(tree_of(path))] == []


@pytest.mark.parametrize(
    "code",
    ["grant.state = 'active'", "Grant.objects.filter(pk=1).update(state='active')", "setattr(grant, 'state', 'x')"],
)
def test_hand_made_move_is_noticed(code: str) -> None:
    assert hand_made_moves(ast.parse(code))


def test_nothing_is_queued_for_long() -> None:
    """A timer in a broker is lost with the broker; due rows in the database are not."""
    assert [f"{relative(path)}:{line}" for path in CONTROL_PLANE for line in long_waits(tree_of(path))] == []


@pytest.mark.parametrize("code", ["t.apply_async(eta=x)", "t.apply_async(countdown=61)", "t.apply_async(countdown=n)"])
def test_long_wait_is_noticed(code: str) -> None:
    assert long_waits(ast.parse(code))


def test_short_wait_is_fine() -> None:
    assert not long_waits(ast.parse("t.apply_async(countdown=30)"))


def hand_made_moves(tree: ast.Module) -> list[int]:
    return [node.lineno for node in ast.walk(tree) if _sets_state(node)]


def _sets_state(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets)
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name) and node.func.id == "setattr":
        return any(isinstance(arg, ast.Constant) and arg.value == "state" for arg in node.args)
    is_update = isinstance(node.func, ast.Attribute) and node.func.attr in {"update", "bulk_update"}
    return is_update and any(keyword.arg == "state" for keyword in node.keywords)


def long_waits(tree: ast.Module) -> list[int]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    return [node.lineno for node in calls if node.func.attr in {"apply_async", "retry"} and _waits_long(node)]


def _waits_long(call: ast.Call) -> bool:
    for keyword in call.keywords:
        if keyword.arg == "eta":
            return True
        if keyword.arg == "countdown":
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            return not isinstance(value, int | float) or value > LONGEST_WAIT_S
    return False

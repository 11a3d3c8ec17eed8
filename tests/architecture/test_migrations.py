"""The models and the migrations tell one story, and migrations stand without today's code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.architecture.sources import relative, tracked_files, tree_of

MIGRATIONS = tuple(path for path in tracked_files() if "/migrations/0" in relative(path))


@pytest.mark.django_db
def test_every_model_change_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_migrations_import_nothing_of_ours_that_does_things() -> None:
    """Values of the pure domain and the model base may be named; services change too often."""
    allowed = ("jit_access.core.", "jit_access.domain.")
    found = [f"{relative(path)}: {name}" for path in MIGRATIONS for name in _imports(path)]
    assert [entry for entry in found if not entry.split(": ")[1].startswith(allowed)] == []


def _imports(path: Path) -> list[str]:
    names = [node.module or "" for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom)]
    return [name for name in names if name.startswith("jit_access.")]

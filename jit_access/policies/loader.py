"""Reads policy files from a directory. The names of the files order nothing; they only tell people where a rule is."""

from __future__ import annotations

from pathlib import Path

from jit_access.policies.compiler import PolicyText
from jit_access.policies.errors import PolicyBroken

SCHEMA_FILE = "schema.cedarschema"
MAX_FILES = 100


def read_directory(directory: Path) -> PolicyText:
    """All `*.cedar` files of a directory and its schema. Raises PolicyBroken when they cannot be read."""
    paths = sorted(directory.glob("*.cedar"))
    if not paths:
        raise PolicyBroken((f"there is no .cedar file in {directory.name}",))
    if len(paths) > MAX_FILES:
        raise PolicyBroken((f"there are more than {MAX_FILES} files in {directory.name}",))
    return PolicyText(_read(directory / SCHEMA_FILE), {path.name: _read(path) for path in paths})


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise PolicyBroken((f"{path.name}: cannot be read",)) from exc

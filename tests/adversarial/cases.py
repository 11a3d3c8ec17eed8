"""The corpus: one file of raw bytes for each hostile request, and one table that says what must happen and why."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / "corpus"
# Every file that has a credential has this one, and it is live while the corpus runs: no refusal leans on its absence.
TOKEN = "jita_grant_C0rpus0f0hostile_N0tASecretN0tASecretN0tASecretN0tASecretxyz37mzFg"


@dataclass(frozen=True, slots=True)
class Case:
    """One file and what must happen. `forwarded` are the lines of each request that the registry sees."""

    name: str
    raw: bytes
    expect: str
    status: tuple[int, ...]
    why: str
    reason: str = ""
    closes: bool = True
    forwarded: tuple[str, ...] = ()
    body: str = ""


def read_cases() -> dict[str, Case]:
    """Every case by name. Raises when a file has no table, or a table no file."""
    tables = tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))
    files = {path.stem: path.read_bytes() for path in FOLDER.glob("*.raw")}
    if tables.keys() != files.keys():
        raise ValueError(f"only one of file and table: {sorted(tables.keys() ^ files.keys())}")
    return {
        name: Case(name, files[name], **{key: tuple(value) if isinstance(value, list) else value
                                         for key, value in table.items()})
        for name, table in tables.items()
    }  # fmt: skip

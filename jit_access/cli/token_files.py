"""One file per target with the token of a live grant in it, for tools that read a token from a file."""

from __future__ import annotations

from pathlib import Path

from jit_access.cli.client import Client
from jit_access.cli.places import folder_of


def token_folder(client: Client) -> Path:
    return folder_of(client) / "targets"


def token_file(client: Client, target: str) -> Path:
    """`HF_TOKEN_PATH` points here. It is there only while a grant is open."""
    return token_folder(client) / target

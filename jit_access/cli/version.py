"""The one place where the version of the project is written. `pyproject.toml` reads it from here."""

from __future__ import annotations

VERSION = "0.1.0"

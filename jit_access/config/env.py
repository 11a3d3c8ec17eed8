"""Typed readers of the environment. Every secret may also come from a file: NAME_FILE wins over NAME.

A wrong value stops the start with one sentence that names the variable, never its value.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """A string. Raises ImproperlyConfigured when it is missing and has no default."""
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as exc:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {exc.strerror}.") from exc
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} (or {name}_FILE) is not set.")
    return value


def whole(name: str, default: int) -> int:
    """A whole number."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    if not raw.isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number.")
    return int(raw)


def flag(name: str, *, default: bool) -> bool:
    """`true` or `false`, nothing else: a typing error must not switch a guard off."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    if raw not in {"true", "false"}:
        raise ImproperlyConfigured(f"{name} must be true or false.")
    return raw == "true"


def one_of(name: str, known: frozenset[str], default: str) -> str:
    """One of a few words, in any spelling; given back in capitals."""
    value = os.environ.get(name, default).upper()
    if value not in known:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(sorted(known))}.")
    return value


def origin(name: str, default: str, *, needs_tls: bool = False) -> str:
    """`https://host[:port]`, without a path: links in mails and in refusals are made from it. May be empty."""
    value = text(name, default).rstrip("/")
    try:
        parts = urlsplit(value)
        is_origin = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_origin = False
    if not value:
        return value
    schemes = ("https",) if needs_tls else ("http", "https")
    if not is_origin or parts.scheme not in schemes or value != f"{parts.scheme}://{parts.netloc}" or "@" in value:
        forms = " or ".join(f"{scheme}://host" for scheme in schemes)
        raise ImproperlyConfigured(f"{name} must be {forms}, with a port if need be.")
    return value


def base_url(name: str, default: str, *, needs_tls: bool = False) -> str:
    """The address of a service, with a path that ends in a slash. A credential is sent there."""
    value = text(name, default)
    parts = urlsplit(value)
    is_plain = not parts.query and not parts.fragment and "@" not in parts.netloc
    if parts.scheme not in (("https",) if needs_tls else ("http", "https")) or not parts.hostname or not is_plain:
        raise ImproperlyConfigured(f"{name} must be an {'https' if needs_tls else 'http or https'} address.")
    return value if value.endswith("/") else f"{value}/"


def together(*names: str) -> tuple[str, ...]:
    """Texts that mean something only with one another: all are set, or none is and all are empty."""
    values = tuple(text(name, "") for name in names)
    if any(values) and not all(values):
        missing = ", ".join(name for name, value in zip(names, values, strict=True) if not value)
        raise ImproperlyConfigured(f"{missing} must be set too, or none of {', '.join(names)}.")
    return values


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list, empty items dropped."""
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def secret_bytes(name: str, *, length: int, default: str | None = None) -> bytes:
    """Hex text of exactly `length` bytes."""
    try:
        value = bytes.fromhex(text(name, default))
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name} must be hex.") from exc
    if len(value) != length:
        raise ImproperlyConfigured(f"{name} must be {length} bytes of hex.")
    return value


def database(name: str, default: str | None = None) -> dict[str, Any]:
    """`sqlite:///path` or `postgresql://user:password@host:port/name` as Django's settings."""
    url = urlsplit(text(name, default))
    if url.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.path.removeprefix("/") if url.path.startswith("//") else url.path,
            # WAL + IMMEDIATE: of three settings measured, the only one that neither locks up nor loses updates.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;",
            },
        }
    if url.scheme in {"postgresql", "postgres"}:
        query = dict(pair.split("=", 1) for pair in url.query.split("&") if "=" in pair)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(url.path.lstrip("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": unquote(query.get("host", url.hostname or "")),
            "PORT": str(url.port or ""),
            "CONN_MAX_AGE": 0,
            "OPTIONS": {"connect_timeout": 2, "pool": {"min_size": 1, "max_size": 8, "timeout": 2}},
        }
    raise ImproperlyConfigured(f"{name} must start with sqlite:// or postgresql://.")

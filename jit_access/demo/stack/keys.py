"""The throw-away secrets of one machine: made once, mode 0600, never printed."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from jit_access.demo.stack.layout import Layout

_MADE: dict[str, Callable[[], str]] = {
    "secret_key": lambda: secrets.token_urlsafe(48),
    "proxy_secret": lambda: secrets.token_urlsafe(32),
    "view_key": lambda: secrets.token_hex(32),
    "registry_password": lambda: secrets.token_urlsafe(24),
}


def ensure_keys(layout: Layout) -> None:
    """Make what is missing. The key-encryption key and the log's signing key are made by their own rooms."""
    for name, make in _MADE.items():
        write_private(layout.secrets / name, make())


def write_private(path: Path, text: str, *, replace: bool = False) -> None:
    """Create a file that only its owner reads; the mode is right from the first byte on."""
    if path.exists() and not replace:
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def environment(layout: Layout) -> dict[str, str]:
    """What every process of the stack is told. JIT_* of the caller is dropped, so that it cannot half apply."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JIT_")}
    secret_files = {
        f"JIT_{name.upper()}_FILE": str(layout.secrets / name) for name in ("secret_key", "proxy_secret", "view_key")
    }
    return (
        kept
        | secret_files
        | {
            "DJANGO_SETTINGS_MODULE": "jit_access.config.settings.development",
            "PYTHONUNBUFFERED": "1",
            "JIT_ENV": "development",
            "JIT_VAR_DIR": str(layout.var),
            "JIT_DATABASE_URL": database_url(layout),
            "JIT_REDIS_URL": f"unix://{layout.redis_socket}",
            "JIT_PUBLIC_URL": layout.web_url,
            "JIT_CONTROL_URL": layout.control_url,
            "JIT_GATEWAY_URL": layout.gateway_url,
            "JIT_GATEWAY_TLS_URL": layout.gateway_tls_url,
            "JIT_KEY_FILE": str(layout.secrets / "kek"),
            "JIT_AUDIT_KEY_FILE": str(layout.secrets / "audit.pem"),
            "JIT_AUDIT_WITNESS_FILE": str(witness_file(layout)),
            "JIT_EMAIL_DIR": str(layout.var / "mail"),
            "JIT_LOG_LEVEL": os.environ.get("JIT_LOG_LEVEL", "INFO"),
        }
    )


def proxy_environment(layout: Layout, number: int) -> dict[str, str]:
    """What one parent of proxies, or a proxy by itself, is told on top."""
    ports = layout.ports
    return {
        "JIT_PROXY_ID": f"proxy-{number}",
        "JIT_PROXY_LISTEN": f"127.0.0.1:{ports.gateway}",
        "JIT_PROXY_TLS_LISTEN": f"127.0.0.1:{ports.gateway_tls}",
        "JIT_PROXY_TLS_CERT": str(layout.tls / "localhost.pem"),
        "JIT_PROXY_TLS_KEY": str(layout.tls / "localhost.key"),
        "JIT_PROXY_ADMIN_LISTEN": f"127.0.0.1:{ports.admin[number - 1]}",
        "JIT_SPOOL_DIR": str(layout.var / "spool" / f"proxy-{number}"),
    }


def witness_file(layout: Layout) -> Path:
    """One for each database: a witness is about one log."""
    is_ours = layout.database in {"sqlite", "postgres"}
    name = layout.database if is_ours else hashlib.sha256(layout.database.encode()).hexdigest()[:12]
    return layout.var / f"witness-{name}.log"


def database_url(layout: Layout) -> str:
    """SQLite in `var` unless told otherwise; the embedded PostgreSQL writes its address when it is up."""
    if layout.database == "sqlite":
        return f"sqlite:///{layout.var / 'jit.sqlite3'}"
    if layout.database == "postgres":
        address = layout.postgres_address
        return address.read_text(encoding="utf-8").strip() if address.exists() else "postgresql:///starting"
    return layout.database

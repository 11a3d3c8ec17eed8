"""`manage.py check --deploy` under production settings, as an operator runs it: clean, or one clear line per fault."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jit_access.audit.checks import check_audit_key, check_witness
from jit_access.audit.signing import new_key_pem
from jit_access.core.checks import check_database, check_sealing_key, check_secrets
from jit_access.core.keys import create_private_file, new_key_line

ROOT = Path(__file__).resolve().parents[2]
Check = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Runs the check with a complete production environment, changed by the keywords; None removes a variable."""
    create_private_file(tmp_path / "kek", new_key_line("k1").encode())
    create_private_file(tmp_path / "audit.pem", new_key_pem())
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "jit_access.config.settings.production",
        "JIT_SECRET_KEY": secrets.token_urlsafe(48),
        "JIT_DATABASE_URL": "postgresql://jit:x@127.0.0.1:1/jit",
        "JIT_ALLOWED_HOSTS": "access.example.test",
        "JIT_PUBLIC_URL": "https://access.example.test",
        "JIT_KEY_FILE": str(tmp_path / "kek"),
        "JIT_AUDIT_KEY_FILE": str(tmp_path / "audit.pem"),
        "JIT_AUDIT_WITNESS_FILE": str(tmp_path / "witness"),
        "JIT_VIEW_KEY": secrets.token_hex(32),
        "JIT_PROXY_SECRET": secrets.token_urlsafe(32),
        "JIT_VAR_DIR": str(tmp_path),
    }

    def run(**changes: str | None) -> subprocess.CompletedProcess[str]:
        changed = {name: value for name, value in (environment | changes).items() if value is not None}
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        return subprocess.run(command, cwd=ROOT, env=changed, capture_output=True, text=True, check=False)

    return run


def test_production_is_clean(check: Check) -> None:
    done = check()
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"JIT_DATABASE_URL": "sqlite:////tmp/x.sqlite3"}, "must be PostgreSQL in production"),
        ({"JIT_SECRET_KEY": None}, "JIT_SECRET_KEY (or JIT_SECRET_KEY_FILE) is not set"),
        ({"JIT_VIEW_KEY": "short"}, "JIT_VIEW_KEY must be hex"),
        ({"JIT_LOG_LEVEL": "loud"}, "JIT_LOG_LEVEL must be one of"),
        ({"JIT_PUBLIC_URL": None}, "JIT_PUBLIC_URL is not set"),
        ({"JIT_PUBLIC_URL": "access.example.test"}, "JIT_PUBLIC_URL must be http://host or https://host"),
        ({"JIT_PUBLIC_URL": "http://access.example.test"}, "JIT_PUBLIC_URL must be https://host"),
        ({"JIT_GATEWAY_URL": "https://gw.example.test/v2"}, "JIT_GATEWAY_URL must be http://host or https://host"),
        ({"JIT_GATEWAY_TLS_URL": "https://ada@gw.example.test"}, "JIT_GATEWAY_TLS_URL must be http"),
    ],
)
def test_settings_refuse_to_start_with_one_sentence(check: Check, changes: dict[str, str | None], says: str) -> None:
    done = check(**changes)
    assert done.returncode != 0
    assert says in done.stderr


def test_image_is_built_with_settings_that_start(tmp_path: Path) -> None:
    """The build collects static files under production settings, with throw-away values of its own."""
    (step,) = re.findall(r"^RUN .*?collectstatic", (ROOT / "docker/Dockerfile").read_text(), re.DOTALL | re.MULTILINE)
    given = dict(re.findall(r"(JIT_[A-Z_]+)=(\S+)", step))
    production = {"DJANGO_SETTINGS_MODULE": "jit_access.config.settings.production", "JIT_ENV": "production"}
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--dry-run", "--verbosity", "0"]
    environment = {"PATH": os.environ["PATH"], **production, **given, "JIT_VAR_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def production(settings: Any, tmp_path: Path) -> Any:
    """Settings as in production, for the checks of ours; each test changes one thing."""
    create_private_file(tmp_path / "kek", new_key_line("k1").encode())
    create_private_file(tmp_path / "audit.pem", new_key_pem())
    settings.ENVIRONMENT = "production"
    settings.KEY_FILE, settings.AUDIT_KEY_FILE = str(tmp_path / "kek"), str(tmp_path / "audit.pem")
    settings.AUDIT_WITNESS_FILE = str(tmp_path / "witness")
    settings.PROXY_SECRET = secrets.token_urlsafe(32)
    return settings


def found() -> set[str]:
    checks = (check_sealing_key, check_secrets, check_audit_key, check_witness)
    return {str(message.id) for check in checks for message in check(None)}


def test_our_checks_are_quiet_when_all_is_well(production: Any) -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("PROXY_SECRET", "short", "jit.E002"),
        ("PROXY_SECRET", "a" * 64, "jit.E002"),
        ("VIEW_KEY", bytes(32), "jit.E004"),
        ("KEY_FILE", "/nonexistent", "jit.E001"),
        ("AUDIT_KEY_FILE", "/nonexistent", "jit.E010"),
        ("AUDIT_WITNESS_FILE", "", "jit.I011"),
    ],
)
def test_each_fault_has_its_code(production: Any, name: str, value: object, code: str) -> None:
    setattr(production, name, value)
    assert found() == {code}


def test_one_secret_for_two_purposes_is_refused(production: Any) -> None:
    production.SECRET_KEY = production.PROXY_SECRET
    assert found() == {"jit.E003"}


def test_key_files_open_to_others_are_refused(production: Any) -> None:
    for path in (production.KEY_FILE, production.AUDIT_KEY_FILE):
        Path(path).chmod(0o644)
    assert found() == {"jit.E001", "jit.E010"}


def test_sqlite_is_refused(production: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = "django.db.backends.postgresql"
    monkeypatch.setitem(production.DATABASES["default"], "ENGINE", engine)
    assert check_database(None) == []
    monkeypatch.setitem(production.DATABASES["default"], "ENGINE", engine.replace("postgresql", "sqlite3"))
    assert [message.id for message in check_database(None)] == ["jit.E005"]

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jit_access.targets import changes
from tests.connectors.real_registry import RealRegistry, real_registry


@pytest.fixture
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry behind a password that this test has for itself."""
    with real_registry(tmp_path_factory.mktemp("registry"), needs_password=True) as running:
        yield running


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the floors above were told, in order."""
    heard: list[str] = []
    monkeypatch.setattr(changes, "_handlers", [lambda: heard.append("targets")])
    monkeypatch.setattr(changes, "_tier_handlers", [lambda _target: heard.append("tier")])
    return heard

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.real_registry import RealRegistry, real_registry


@pytest.fixture(scope="session")
def locked_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """One registry behind a password for all tests of a process; each test uses names of its own."""
    with real_registry(tmp_path_factory.mktemp("locked"), needs_password=True) as registry:
        yield registry


@pytest.fixture(scope="session")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("open"), needs_password=False) as registry:
        yield registry

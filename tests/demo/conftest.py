"""The demo's own registry, served in this process, with a login."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jit_access.demo.model.push import Registry
from jit_access.demo.registry.server import DemoRegistry

USERNAME, PASSWORD = "gateway", "demo-registry-password"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with DemoRegistry(0, tmp_path / "registry", f"{USERNAME}:{PASSWORD}") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Registry(f"http://127.0.0.1:{server.server_address[1]}", USERNAME, PASSWORD)
        server.shutdown()
        thread.join(timeout=60)

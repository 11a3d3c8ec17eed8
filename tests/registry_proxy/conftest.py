"""Fixtures of the data plane's tests."""

from __future__ import annotations

import pytest

from registry_proxy.stream.pump import Pump


@pytest.fixture
def pumps(monkeypatch: pytest.MonkeyPatch) -> list[Pump]:
    """Those that were started since the test began."""
    started: list[Pump] = []
    start = Pump.start

    def noted(self: Pump, *sides: object) -> bool:
        started.append(self)
        return start(self, *sides)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(Pump, "start", noted)
    return started

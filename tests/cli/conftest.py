"""What the tests of `jit` share."""

from __future__ import annotations

from tests.support.helped import machine, world  # noqa: F401  # fixtures

"""The world of these tests."""

from __future__ import annotations

import pytest

from tests.support.cast import Cast
from tests.support.lifecycles import World, make_world


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)

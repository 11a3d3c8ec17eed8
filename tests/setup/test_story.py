"""What is said once everything is up: nothing that does not work from where it is read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from jit_access.demo.bootstrap.terminal import Terminal
from jit_access.demo.stack.layout import Layout, Ports
from jit_access.demo.stack.story import tell


@pytest.mark.parametrize(("is_detached", "says"), [(False, True), (True, False)])
def test_ctrl_c_is_named_only_where_it_stops_something(tmp_path: Path, is_detached: bool, says: bool) -> None:
    screen = io.StringIO()
    tell(
        Layout(tmp_path, Ports.from_base(8000)),
        Terminal(screen, has_signs=True, has_colour=False),
        is_detached=is_detached,
    )
    assert ("Ctrl-C here" in screen.getvalue()) is says
    assert "`python3 dev.py down`" in screen.getvalue()

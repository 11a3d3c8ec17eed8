"""What a second command must know of the stack that `up` made: its ports, its database, and with that its secrets."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from jit_access.demo.stack.keys import environment, write_private
from jit_access.demo.stack.layout import DEFAULT_BASE, VAR, Layout, Ports

# Says how to speak, not where to; whoever sets nothing else has named no installation of their own.
_HARMLESS = frozenset({"JIT_LOG_LEVEL"})


def up_file(layout: Layout) -> Path:
    """There while the stack is up and ready."""
    return layout.run / "up.json"


def _last_file(var: Path) -> Path:
    return var / "run" / "last.json"


def remember(layout: Layout) -> None:
    """For a second `up`, for `down` and for `manage`."""
    facts = {"port": layout.ports.web, "database": layout.database, "has_demo": layout.has_demo}
    write_private(up_file(layout), json.dumps(facts), replace=True)
    write_private(_last_file(layout.var), json.dumps(facts), replace=True)


def remembered(var: Path = VAR) -> Layout:
    """The stack that was up here last, or the one that `up` would make."""
    try:
        facts = json.loads(_last_file(var).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Layout(var, Ports.from_base(DEFAULT_BASE))
    return Layout(var, Ports.from_base(facts["port"]), facts["database"], has_demo=facts["has_demo"])


def adopted_environment(given: Mapping[str, str], var: Path = VAR) -> dict[str, str] | None:
    """The stack's own environment for a plain `manage.py`, or None.

    None as soon as one address or secret is given: a mixture would write one installation with another one's keys.
    """
    if any(name.startswith("JIT_") and name not in _HARMLESS for name in given) or not _last_file(var).exists():
        return None
    return environment(remembered(var))


def adopt() -> None:
    """Let this process work on the stack that `up` made here."""
    os.environ.update(adopted_environment(os.environ) or {})

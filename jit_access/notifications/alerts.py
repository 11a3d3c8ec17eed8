"""What is said loudly, to a place and not to a person: cuts, break-glass, exposures.

    alert("break-glass", subject="Dora opened …", text="…", path="/requests/req_…", dedupe_key=f"break-glass:{id}")

The row is written in the caller's transaction, so what was rolled back is never cried out. Rooms above that own a loud
place (a chat's security channel) register a handler; it runs in that transaction too, leaves its own row there and
delivers later. People are told one by one as ever, by `services.tell`: this is beside it, never instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jit_access.domain.audit_record import clean_text
from jit_access.notifications.models import Alert
from jit_access.notifications.services import check_path

Handler: TypeAlias = Callable[[Alert], None]

_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Call `handler(alert)` for each new alert from now on. Twice registered runs once."""
    if handler not in _handlers:
        _handlers.append(handler)


def unregister(handler: Handler) -> None:
    """Forget a handler; for tests that register their own."""
    _handlers.remove(handler)


def alert(kind: str, *, subject: str, text: str, path: str, dedupe_key: str) -> Alert:
    """Say something loudly, once per key, in the caller's transaction. Returns the row, the earlier one on a repeat.

    `path` is an address in our own pages; it never carries a right. No secret belongs into any of these.
    """
    check_path(path)
    row, is_new = Alert.objects.get_or_create(
        dedupe_key=dedupe_key,
        defaults={
            "kind": kind,
            "subject": clean_text(subject)[:200],
            "text": "\n".join(clean_text(line) for line in text.splitlines()),
            "path": path,
        },
    )
    if is_new:
        for handler in tuple(_handlers):
            handler(row)
    return row

"""Reading the log for people."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from jit_access.audit.access import Viewer, visible_entries
from jit_access.audit.exchanges import ActivityRow, build_rows
from jit_access.audit.filters import ActivityFilters
from jit_access.audit.merkle import EMPTY_ROOT
from jit_access.audit.models import AuditEntry, AuditHead, Checkpoint
from jit_access.audit.signing import load_signer
from jit_access.core import clock

__all__ = ["ActivityRow", "LogState", "build_rows", "find_activity", "find_story", "read_log_state"]


def find_activity(viewer: Viewer, filters: ActivityFilters) -> QuerySet[AuditEntry]:
    """The newest matching record of each exchange, and every matching record outside of one.

    Page it by `-seq`, then give a page to `build_rows`. A filter may match any record of an exchange.
    """
    matching = visible_entries(viewer).filter(filters.to_q())
    newer = matching.filter(exchange=OuterRef("exchange"), source=OuterRef("source"), seq__gt=OuterRef("seq"))
    return matching.filter(Q(exchange="") | ~Exists(newer)).order_by("-seq")


def find_story(viewer: Viewer, *, grant: str, request: str = "") -> QuerySet[AuditEntry]:
    """Everything about one grant and the request it came from, in order."""
    about = Q(grant=grant) | Q(request=request) if request else Q(grant=grant)
    return visible_entries(viewer).filter(about).order_by("seq")


@dataclass(frozen=True, slots=True)
class LogState:
    """What the head of the log says about itself, and how much of it a checkpoint holds."""

    size: int
    root: str
    at: str
    signature: str
    key_id: str
    public_key: str  # hex, Ed25519
    checkpoint_size: int
    checkpoint_at: str


def read_log_state() -> LogState:
    """Two queries. It repeats what the head claims; `manage.py audit verify` is what proves it."""
    head = AuditHead.objects.first()
    checkpoint = Checkpoint.objects.order_by("-size").first()
    signer = load_signer()
    return LogState(
        size=head.size if head else 0,
        root=head.root if head else EMPTY_ROOT.hex(),
        at=clock.format_instant(head.at) if head else "",
        signature=head.signature if head else "",
        key_id=signer.key_id,
        public_key=signer.public_key_hex,
        checkpoint_size=checkpoint.size if checkpoint else 0,
        checkpoint_at=clock.format_instant(checkpoint.at) if checkpoint else "",
    )

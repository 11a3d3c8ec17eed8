"""What verification can find, in words that name the record."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """How the log differs from what was written."""

    EDITED = "edited"
    REMOVED = "removed"
    SWAPPED = "swapped"
    INSERTED = "inserted"
    TAIL_CUT = "tail-cut"
    HEAD_FORGED = "head-forged"
    CHECKPOINT_FORGED = "checkpoint-forged"
    WITNESS_DIFFERS = "witness-differs"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong. `seq` is the place in the log, None where no record is meant."""

    kind: FaultKind
    sentence: str
    seq: int | None = None
    record_id: str = ""


class FaultFound(Exception):
    """Ends verification: everything after the first fault would only be its echo."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.sentence)


@dataclass(slots=True)
class Report:
    """What was checked, and the first fault if there is one."""

    records: int = 0
    size: int = 0
    root: str = ""
    at: str = ""
    key_id: str = ""
    checkpoints: int = 0
    witness_lines: int | None = None  # None: no witness was asked
    duration_s: float = 0.0
    fault: Fault | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def is_intact(self) -> bool:
        return self.fault is None

"""How a service account is, in one word: for people, programs and the log."""

from __future__ import annotations

from enum import StrEnum


class AgentState(StrEnum):
    WORKS = "works"
    LOCKED = "locked"
    SUSPENDED = "suspended"
    WITHOUT_OWNER = "without-owner"
    RETIRED = "retired"

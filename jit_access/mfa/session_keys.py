"""The names under which a session keeps its facts."""

from __future__ import annotations

from typing import Final

LEVEL: Final = "jit.level"
PROVED_AT: Final = "jit.proved_at"
STARTED_AT: Final = "jit.started_at"
LAST_SEEN: Final = "jit.last_seen"
EPOCH: Final = "jit.epoch"
ENROLMENT: Final = "jit.enrolment"  # a sealed secret that waits for its first code

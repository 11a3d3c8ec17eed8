"""How sure we are who is there, and since when. A value: services take it, only sessions make it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason


class Level(IntEnum):
    """The numbers are authentication assurance levels. Source: NIST SP 800-63B-4."""

    NONE = 0  # nobody signed in, or an API token: a token proves possession, never a person
    PASSWORD = 1
    SECOND_FACTOR = 2


@dataclass(frozen=True, slots=True)
class Assurance:
    """The strength of a session's proof. `age_s` is since the last code, by the database's clock; None without one."""

    level: Level = Level.NONE
    proved_at: datetime | None = None
    age_s: int | None = None

    @property
    def is_proved(self) -> bool:
        return self.level >= Level.SECOND_FACTOR and self.proved_at is not None


NO_ASSURANCE = Assurance()
STEP_UP_MAX_AGE_S = 300  # to change a factor, a password or a token: prove it again unless that was just now


def check_fresh(assurance: Assurance, *, max_age_s: int) -> None:
    """Raises PolicyRefusal unless a second factor was shown at most `max_age_s` ago.

    The refusal carries `max_age_s`, so that a page or a client can ask for exactly what is missing.
    """
    if not assurance.is_proved or assurance.age_s is None:
        raise PolicyRefusal(Reason.SECOND_FACTOR_MISSING, max_age_s=max_age_s)
    if not 0 <= assurance.age_s <= max_age_s:  # a proof from the future is no proof
        raise PolicyRefusal(Reason.SECOND_FACTOR_STALE, max_age_s=max_age_s, age_s=assurance.age_s)

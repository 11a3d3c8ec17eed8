"""A stolen approver must not have decided half of it: whoever is locked neither answers nor counts, in any name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.people import StepState
from jit_access.access_requests.voices import Voice
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.locks.selectors import locked_accounts


def refuse_beside_locked(states: Iterable[StepState]) -> None:
    """The last one says it again when the lock is over. Raises: PolicyRefusal (locked)."""
    locked = locked_accounts()
    given = [verdict for state in states for verdict in state.given]
    if any({verdict.approver.public_id, verdict.counted.public_id} & locked for verdict in given):
        sentence = "Somebody who agreed to this is locked now. Answer again when that is over."
        raise PolicyRefusal(Reason.LOCKED, sentence, locked="person")


def refuse_locked_givers(voices: Sequence[Voice], left: Sequence[Voice], request: AccessRequest) -> None:
    """For a stand-in who could answer only for somebody who is locked. Raises: PolicyRefusal (locked)."""
    asked = request.steps.all()

    def could(some: Iterable[Voice]) -> bool:
        return any(voice.can_fill(step.group, request) for voice in some for step in asked)

    if could(voices) and not could(left):
        sentence = "Whom you answer for is locked now. Answer again when that is over."
        raise PolicyRefusal(Reason.LOCKED, sentence, locked="person")


def unlocked(voices: Sequence[Voice]) -> tuple[Voice, ...]:
    """A locked giver lends nothing. Whether the speaker, who comes first, is locked is asked elsewhere."""
    locked = locked_accounts()
    return tuple(voice for voice in voices if voice is voices[0] or voice.person.public_id not in locked)

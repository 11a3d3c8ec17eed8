"""Where loaded files go that need a second person before they count. The room above registers to take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.policies.compiler import PolicyText


@dataclass(frozen=True, slots=True)
class Loaded:
    """Files as the console read them. `by` is a username, or empty for the installation itself."""

    text: PolicyText
    cases: Mapping[str, str] = field(default_factory=dict)  # file name to YAML
    commit: str = ""
    by: str = ""
    because: str = ""
    is_alone: bool = False  # an emergency: without a second person, and told to everybody


Proposer = Callable[[Loaded], str]
_proposers: list[Proposer] = []


def register(proposer: Proposer) -> None:
    """Have the console's files handed to this. The last one registered counts."""
    _proposers[:] = [proposer]


def propose(loaded: Loaded) -> str:
    """Hand files on; returns what came of it, in a sentence. Raises: PolicyRefusal when nobody takes them."""
    if not _proposers:
        raise PolicyRefusal(Reason.SECOND_PERSON_NEEDED)
    return _proposers[0](loaded)

"""What was agreed on before anybody asked: an envelope stands in for the people whom policy asks, and for nothing else.

Envelopes live above grants, so their room registers here who says what stands behind a grant of theirs. Nobody
registered, or no answer, is a refusal: what an envelope opened never lives on without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.grants.models import Grant
from jit_access.policies.questions import Phase


@dataclass(frozen=True, slots=True)
class Agreed:
    """How many people of which word agreed beforehand; or why that counts no more."""

    given: Mapping[str, int] = field(default_factory=dict)
    refusal: Reason | None = None
    workloads: frozenset[str] = frozenset()  # none: whichever token the agent comes with


Provider: TypeAlias = Callable[[Grant, Phase], Agreed]

_providers: list[Provider] = []


def register(provider: Provider) -> None:
    """Have `provider(grant, phase)` say what stands behind a grant under an envelope. The last one counts."""
    _providers[:] = [provider]


def agreed_for(grant: Grant, phase: Phase = Phase.LIVE) -> Agreed:
    """What was agreed on beforehand for this grant. More is asked when it is about to start."""
    return _providers[0](grant, phase) if _providers else Agreed(refusal=Reason.ENVELOPE_ENDED)


def refuse_other_workload(grant: Grant, workload: str) -> None:
    """Raises: PolicyRefusal (workload-needed) for a token of another workload, or of none; why the envelope is over.

    Whoever stole an API token of the agent must not start, or take tokens of, what a pinned workload asked for.
    """
    if not grant.envelope:
        return
    agreed = agreed_for(grant)
    if agreed.refusal is not None:
        raise PolicyRefusal(agreed.refusal)
    if agreed.workloads and workload not in agreed.workloads:
        raise PolicyRefusal(Reason.WORKLOAD_NEEDED)

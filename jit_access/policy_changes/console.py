"""What `manage.py policy load` does where a second person has to sign."""

from __future__ import annotations

from jit_access.accounts.selectors import find_by_name
from jit_access.domain.errors import NotFound
from jit_access.domain.lifecycle import ProposalState
from jit_access.policies.proposing import Loaded
from jit_access.policies.versions import active_version
from jit_access.policy_changes import services
from jit_access.policy_changes.models import PolicyProposal

_UNSAID = "Loaded at the console"


def take_loaded(loaded: Loaded) -> str:
    """Propose the files, or in an emergency make them count. The same files again change nothing."""
    active = active_version()
    if active is not None and active.digest == loaded.text.digest:
        return f"Policy version {active.number} counts already ({active.digest[:12]})."
    draft = services.Draft(loaded.text, loaded.because or _UNSAID, loaded.cases, loaded.commit)
    if loaded.is_alone:
        number = services.activate_alone(draft=draft)
        return f"Policy version {number} counts now, without a second person. Everybody of security is told."
    waiting = PolicyProposal.objects.filter(
        state=ProposalState.PROPOSED, version_row__digest=loaded.text.digest
    ).first()
    if waiting is None:
        waiting = _propose(loaded, draft)
    needed = waiting.signatures_needed
    who = "somebody of security" if needed == 1 else f"{needed} people of security"
    return f"Proposed as {waiting.public_id}. It counts when {who} signed it, on the page Policy."


def _propose(loaded: Loaded, draft: services.Draft) -> PolicyProposal:
    if not loaded.by:
        return services.propose_from_console(draft=draft)
    person = find_by_name(loaded.by)
    if person is None:
        raise NotFound("There is no such account.")
    return services.propose(actor=person, draft=draft)

"""What people are told about envelopes. Never decisive: it is written beside the change and delivered later."""

from __future__ import annotations

from jit_access.accounts.selectors import members_of
from jit_access.domain.reasons import Reason, explain
from jit_access.domain.roles import SECURITY
from jit_access.envelopes.limits import size, span
from jit_access.envelopes.models import Envelope
from jit_access.envelopes.people import steps_of
from jit_access.grants.news import describe_scope
from jit_access.notifications.services import tell


def sentence_of(envelope: Envelope) -> str:
    """`ci-bot may pull demo-registry/llm/tiny-llama without asking, for at most 1 h`."""
    verbs = " and ".join(sorted(operation.verb for operation in envelope.asked.operations))
    where = describe_scope(envelope.target.slug, envelope.scope)
    longest = span(envelope.lasts_at_most_s)
    return f"{envelope.agent.display_name} may {verbs} {where} without asking, for at most {longest} at a time"


def tell_signers(envelope: Envelope, *, is_reminder: bool = False) -> None:
    """Everybody who may sign now is told once for each round and stage, and once more shortly before it is late."""
    steps = [step for step in steps_of(envelope) if step.is_now and step.open]
    people = {person.pk: person for step in steps for person in step.people}
    stage = max((step.stage for step in steps), default=1)
    is_review = envelope.signed_round > 0
    due = envelope.review_by if is_review else envelope.answer_by
    what = "Review" if is_review else "Answer"
    for person in people.values():
        tell(
            person,
            kind="envelope.review" if is_review else "envelope.proposed",
            subject=f"{what} by {due:%d %b %H:%M} UTC: may {sentence_of(envelope).replace(' may ', ' ', 1)}?",
            text="\n\n".join(
                [
                    f"{envelope.proposer.display_name} wrote: “{envelope.because}”",
                    f"At most {size(envelope.bytes_per_day)} and {envelope.grants_per_day} grants in 24 h, "
                    f"{envelope.hours.text}, until {envelope.expires_at:%d %b %Y}.",
                    "Nobody is asked again for what is inside.",
                ]
            ),
            path=f"/envelopes/{envelope.public_id}",
            dedupe_key=f"envelope:{envelope.public_id}:{envelope.round}:{stage}{':again' if is_reminder else ''}",
        )


def tell_owner(envelope: Envelope, kind: str, what: str, text: str) -> None:
    """The agent's owner hears what came of it."""
    tell(
        envelope.agent,
        kind=f"envelope.{kind}",
        subject=f"{what}: envelope {envelope.name} of {envelope.agent.display_name}",
        text=text,
        path=f"/envelopes/{envelope.public_id}",
        dedupe_key=f"envelope:{envelope.public_id}:{envelope.round}:{kind}",
    )


def tell_of_suspension(envelope: Envelope, reason: Reason) -> None:
    """The owner, whoever proposed, and security, where it was nobody's hand."""
    text = f"{explain(reason)} What it opened has ended. It goes on when its review is signed."
    tell_owner(envelope, "suspended", "Suspended", text)
    for person in members_of(SECURITY):
        tell(
            person,
            kind="envelope.suspended",
            subject=f"Suspended: envelope {envelope.name} of {envelope.agent.display_name}",
            text=text,
            path=f"/envelopes/{envelope.public_id}",
            dedupe_key=f"envelope:{envelope.public_id}:{envelope.round}:suspended",
        )

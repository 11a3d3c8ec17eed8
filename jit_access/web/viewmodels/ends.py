"""How access ended, in words, and what to do about it: one table for every reason code that ends a grant."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.domain.reasons import Reason, explain
from jit_access.web.viewmodels.parts import Badge

NOTHING = "Nothing"
ASK_AGAIN = "Ask again"


@dataclass(frozen=True, slots=True)
class EndWords:
    """The badge, a few more words, and the advice; `can_ask` links the advice to a filled form."""

    badge: Badge
    note: str
    advice: str
    can_ask: bool


_TABLE: dict[str, EndWords] = {
    Reason.GRANT_EXPIRED: EndWords(Badge("Time ran out", "check"), "", NOTHING, False),
    Reason.GRANT_RELINQUISHED: EndWords(Badge("Ended by you", "check"), "", NOTHING, False),
    Reason.GRANT_EXTENDED: EndWords(Badge("Extended", "check"), "a longer grant took over", NOTHING, False),
    Reason.START_TOO_LATE: EndWords(Badge("Not started", "clock"), "its time to start passed", ASK_AGAIN, True),
    Reason.GRANT_REVOKED: EndWords(
        Badge("Revoked", "cut", "stop"), "", "Delete the partial copy, then ask again", True
    ),
    Reason.BUDGET_SPENT: EndWords(Badge("Cut", "cut", "stop"), "its byte budget was used up", ASK_AGAIN, True),
    Reason.REQUEST_BUDGET_SPENT: EndWords(
        Badge("Cut", "cut", "stop"), "its request budget was used up", ASK_AGAIN, True
    ),
    Reason.GROUP_MEMBERSHIP_LOST: EndWords(
        Badge("Cut", "cut", "stop"), "you left the group that gave it", "Ask your team to add you", False
    ),
    Reason.ACCOUNT_LOCKED: EndWords(Badge("Cut", "cut", "stop"), "the account was locked", "Ask Security", False),
    Reason.AGENT_SUSPENDED: EndWords(Badge("Cut", "cut", "stop"), "the agent was suspended", ASK_AGAIN, False),
    Reason.AGENT_WITHOUT_OWNER: EndWords(
        Badge("Cut", "cut", "stop"), "nobody answers for the agent", "Name a new owner", False
    ),
    Reason.AGENT_RETIRED: EndWords(Badge("Ended", "x"), "the agent was retired", NOTHING, False),
    Reason.OWNER_CHANGED: EndWords(Badge("Ended", "x"), "somebody else answers for the agent now", ASK_AGAIN, False),
    Reason.TOKEN_COPIED: EndWords(Badge("Cut", "cut", "stop"), "two had its API token", "Make a new token", False),
    Reason.TOKEN_LEAKED: EndWords(
        Badge("Cut", "cut", "stop"), "an API token was found in the open", "Make a new token", False
    ),
    Reason.TIER_RAISED: EndWords(
        Badge("Cut", "cut", "stop"), "it counts as more serious now", "See what policy allows now", True
    ),
    Reason.POLICY_TIGHTENED: EndWords(
        Badge("Cut", "cut", "stop"), "the policy was tightened", "See what policy allows now", True
    ),
    Reason.TICKET_CLOSED: EndWords(
        Badge("Ended", "check"), "its ticket was closed", "Ask again with an open ticket", True
    ),
    Reason.BUNDLE_ENDED: EndWords(
        Badge("Ended", "x", "stop"), "something asked with it is not granted", "Ask for each by itself", True
    ),
    Reason.DENIED_BY_PERSON: EndWords(Badge("Denied", "x", "stop"), "", "Ask for something else", True),
    Reason.ANSWER_TOO_LATE: EndWords(Badge("No answer", "clock"), "nobody answered in time", ASK_AGAIN, True),
    Reason.WITHDRAWN: EndWords(Badge("Withdrawn", "back"), "by you", NOTHING, False),
}


def end_words(reason: str) -> EndWords:
    """Words for a reason code; one that is not in the table is a stop, told by its own sentence."""
    known = _TABLE.get(reason)
    if known is not None:
        return known
    note = explain(Reason(reason)) if reason in set(Reason) else reason
    return EndWords(Badge("Ended", "x", "stop"), note, ASK_AGAIN, True)

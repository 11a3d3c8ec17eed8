"""What another policy would have decided otherwise, and whom it would reach now. Nothing is changed by asking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jit_access.policies.answers import PolicyAnswer, approval_words, check_duration, combine
from jit_access.policies.auto_approval import is_still_waived
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.recorded import Recorded


@dataclass(frozen=True, slots=True)
class Difference:
    """One case on which two policies do not agree."""

    case: Recorded
    before: PolicyAnswer
    after: PolicyAnswer

    @property
    def is_closing(self) -> bool:
        return self.before.is_allowed and not self.after.is_allowed

    @property
    def is_ending(self) -> bool:
        """True when an open grant would end: refused now, or by people who were never asked."""
        missing = any(self.case.given.get(one.group, 0) < one.needed for one in self.after.approvals)
        missing = missing and not is_still_waived(self.case.waived, self.after.terms.auto)
        return self.case.is_open and (not self.after.is_allowed or missing)

    @property
    def is_opening(self) -> bool:
        return self.after.is_allowed and not self.before.is_allowed


def compare(before: CompiledPolicy, after: CompiledPolicy, cases: Iterable[Recorded]) -> Iterator[Difference]:
    """The cases that the two decide otherwise: the decision, who must agree, or any of the terms."""
    for case in cases:
        one, other = _ask(before, case), _ask(after, case)
        if _meaning(one) != _meaning(other):
            yield Difference(case, one, other)


def _ask(policy: CompiledPolicy, case: Recorded) -> PolicyAnswer:
    return check_duration(combine(policy.ask(question) for question in case.questions), case.lasts_s)


def _meaning(answer: PolicyAnswer) -> tuple[object, ...]:
    """Rules may be renamed and split without anybody noticing; terms of a refusal bind nobody."""
    return (True, answer.terms) if answer.is_allowed else (False, answer.reason)


def difference_lines(difference: Difference) -> tuple[str, ...]:
    """One difference, for a terminal: who and what, how it is, how it would be."""
    case = difference.case
    what = "open grant" if case.is_open else "request"
    lines = (
        f"{case.id}  {case.person}: {case.text}  ({what} of {case.at:%Y-%m-%d %H:%M} UTC)",
        f"    now:   {_outcome(difference.before)}",
        f"    then:  {_outcome(difference.after)}",
    )
    return (*lines, "    It would end at once.") if difference.is_ending else lines


def summary_line(cases: Sequence[Recorded], differences: Sequence[Difference], *, version: int, days: int) -> str:
    """How much was compared, and what came of it."""
    requests = sum(not case.is_open for case in cases)
    changed = [one for one in differences if not one.case.is_open]
    ending = sum(one.is_ending for one in differences)
    closing, opening = sum(one.is_closing for one in changed), sum(one.is_opening for one in changed)
    return (
        f"Against version {version}, {days} days: {len(changed)} of {requests} requests would be decided otherwise "
        f"({closing} refused, {opening} opened, {len(changed) - closing - opening} under other terms); "
        f"{ending} of {len(cases) - requests} open grants would end."
    )


def _outcome(answer: PolicyAnswer) -> str:
    if not answer.is_allowed:
        return f"refused ({answer.reason})"
    agreed = approval_words(answer.approvals)
    terms = answer.terms
    limits = [f"{name} {value}" for name, value in (
        ("factor", f"{terms.factor_max_age_s} s" if terms.factor_max_age_s else ""),
        ("bytes", terms.byte_budget or ""), ("requests", terms.request_budget or ""),
        ("no files of", ", ".join(terms.refused_files)),
        ("approved in", "chat" if terms.approve_in_chat else ""),
        ("approves by itself", " | ".join(way.text for one in terms.auto for way in one.ways)),
    ) if value]  # fmt: skip
    return ", ".join([f"allowed by {', '.join(answer.rules)}", f"approved by {agreed}",
                      f"at most {terms.lasts_at_most_s} s", *limits])  # fmt: skip

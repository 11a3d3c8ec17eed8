"""Budgets of bytes and of requests as far as one process knows them (ADR 0013, 0021).

What is left = budget - what all proxies had counted when we heard of it last - what we counted since then. The first
two come with views and with the answers to our own reports; the last is counted here, slice by slice, and request by
request.

A spent budget refuses what is new. Spent bytes stop a running exchange at its next slice too; what was on its way
already may arrive: those bytes were within the budget. Spent requests stop nothing that runs: it was one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView
from registry_proxy.control_client import Counts


@dataclass(slots=True)
class Counter:
    """One thing that is counted under a grant."""

    budget: int = 0  # 0: none
    made: int = 0  # by this process; only grows
    sent: int = 0  # `made` as it was reported last, whether or not it arrived
    taken: int = 0  # `made` as it was answered last
    used: int = 0  # by all processes, as told last
    included: int = 0  # how much of our own `made` is in `used`

    @property
    def is_spent(self) -> bool:
        """Nothing is left of a budget."""
        return bool(self.budget) and self.used + self.made - self.included >= self.budget

    def hear(self, budget: int, used: int) -> None:
        """What a view says."""
        self.budget = budget
        if used > self.used:
            # The sum may hold a report of ours whose answer is still on its way. Counting that twice would cut too
            # early; taking it for included lets as much pass as moves between two reports, if the report was lost.
            self.learn(used, self.sent)

    def learn(self, used: int, included: int) -> None:
        """Sums only grow, so the larger one is the newer one; and none is smaller than what it includes of ours."""
        if used >= self.used:
            self.included = max(included, self.included)
            self.used = max(used, self.included)


@dataclass(slots=True)
class Account:
    """One grant with a budget. Bytes are of both directions."""

    grant_id: str
    moved: Counter = field(default_factory=Counter)
    requests: Counter = field(default_factory=Counter)

    def collect(self) -> Counts | None:
        """The counters, when one of them is due for a report."""
        moved, requests = self.moved, self.requests
        if moved.made == moved.taken and requests.made == requests.taken:
            return None
        moved.sent, requests.sent = moved.made, requests.made
        return Counts(moved.sent, requests.sent)


class Budgets:
    """The accounts of a process. The loop's thread changes them; the reporter's thread only reads counters."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def find(self, view: SessionView) -> Account | None:
        """The account of a view's grant, brought up to date; None when it has no budget."""
        if not (view.byte_budget or view.request_budget):
            return None
        account = self._accounts.get(view.grant_id)
        if account is None:
            account = self._accounts[view.grant_id] = Account(view.grant_id)
        account.moved.hear(view.byte_budget, view.bytes_used)
        account.requests.hear(view.request_budget, view.requests_used)
        return account

    def collect(self) -> dict[str, Counts]:
        """The counters that are due for a report. Safe from any thread."""
        due = ((account.grant_id, account.collect()) for account in list(self._accounts.values()))
        return {grant_id: counts for grant_id, counts in due if counts is not None}

    def learn(self, told: Mapping[str, Counts], used: Mapping[str, Counts]) -> None:
        """The answer to a report of `told`."""
        for grant_id, counts in told.items():
            account = self._accounts.get(grant_id)
            if account is None:
                continue
            totals = used.get(grant_id)
            for counter, made, total in (
                (account.moved, counts.moved, totals and totals.moved),
                (account.requests, counts.requests, totals and totals.requests),
            ):
                counter.taken = max(counter.taken, made)
                if total is not None:
                    counter.learn(total, made)

    def refusal(self, view: SessionView, *, is_counted: bool = False) -> Reason | None:
        """Why nothing new may begin under this view's budgets; None while something is left.

        `is_counted`: the request that asks was let through before, and is one of those that were counted.
        """
        account = self.find(view)
        if account is None:
            return None
        if account.requests.is_spent and not is_counted:
            return Reason.REQUEST_BUDGET_SPENT
        return Reason.BUDGET_SPENT if account.moved.is_spent else None

    def count_request(self, view: SessionView) -> None:
        """One more was let through."""
        account = self.find(view)
        if account is not None:
            account.requests.made += 1

    def forget(self, grant_id: str) -> None:
        """The grant ended long ago."""
        self._accounts.pop(grant_id, None)

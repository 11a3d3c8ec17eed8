"""Byte budgets as far as one process knows them (ADR 0013).

What is left = budget - what all proxies had moved when we heard of it last - what we moved since then. The first two
come with views and with the answers to our own reports; the last is counted here, slice by slice.

A budget that is spent refuses what is new and stops a running exchange at its next slice. What was on its way already
may arrive: those bytes were within the budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView


@dataclass(slots=True)
class Account:
    """One grant with a budget. Counters are bytes in both directions."""

    grant_id: str
    budget: int
    moved: int = 0  # by this process; only grows
    sent: int = 0  # `moved` as it was reported last, whether or not it arrived
    taken: int = 0  # `moved` as it was answered last
    used: int = 0  # by all processes, as told last
    included: int = 0  # how much of our own `moved` is in `used`

    @property
    def is_spent(self) -> bool:
        """Nothing is left."""
        return self.used + self.moved - self.included >= self.budget

    def learn(self, used: int, included: int) -> None:
        """Sums only grow, so the larger one is the newer one."""
        if used >= self.used:
            self.used = used
            self.included = max(included, self.included)


class Budgets:
    """The accounts of a process. The loop's thread changes them; the reporter's thread only reads counters."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def find(self, view: SessionView) -> Account | None:
        """The account of a view's grant, brought up to date; None when it has no budget."""
        if not view.byte_budget:
            return None
        account = self._accounts.get(view.grant_id)
        if account is None:
            account = self._accounts[view.grant_id] = Account(view.grant_id, view.byte_budget)
        account.budget = view.byte_budget
        if view.bytes_used > account.used:
            # The sum may hold a report of ours whose answer is still on its way. Counting that twice would cut too
            # early; taking it for included lets as much pass as moves between two reports, if the report was lost.
            account.learn(view.bytes_used, account.sent)
        return account

    def collect(self) -> dict[str, int]:
        """The counters that are due for a report. Safe from any thread."""
        due: dict[str, int] = {}
        for account in list(self._accounts.values()):
            if account.moved != account.taken:
                account.sent = due[account.grant_id] = account.moved
        return due

    def learn(self, moved: Mapping[str, int], used: Mapping[str, int]) -> None:
        """The answer to a report of `moved`."""
        for grant_id, count in moved.items():
            account = self._accounts.get(grant_id)
            if account is None:
                continue
            account.taken = max(account.taken, count)
            if grant_id in used:
                account.learn(used[grant_id], count)

    def refusal(self, view: SessionView) -> Reason | None:
        """Why nothing new may begin under this view's budget; None while something is left."""
        account = self.find(view) if view.byte_budget else None
        return Reason.BUDGET_SPENT if account is not None and account.is_spent else None

    def forget(self, grant_id: str) -> None:
        """The grant ended long ago."""
        self._accounts.pop(grant_id, None)

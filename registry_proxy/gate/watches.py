"""The exchanges that are running now, each with the call that cuts it, by the grant that they lean on."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from jit_access.domain.reasons import Reason
from registry_proxy.gate.budgets import Account
from registry_proxy.protocols.values import value
from registry_proxy.protocols.wanted import Admission, Wanted

_log = logging.getLogger(__name__)

Cut = Callable[[Reason], None]


@value
class Standing:
    """What an exchange leans on. An extension takes it over to another grant; `ends_at` is database time."""

    grant_id: str
    ends_at: float
    account: Account | None  # None: no budget


Judge = Callable[["Watch"], Standing | Reason]


@dataclass(eq=False, slots=True)
class Watch:
    """One running exchange. `moved` counts its bytes so far, both ways."""

    admission: Admission
    wanted: tuple[Wanted, ...]
    cut: Cut
    moved: Callable[[], int]
    standing: Standing
    counted: int = 0

    def spend(self) -> Reason | None:
        """Take what was moved since the last call from the budget, if there is one. Asked before every slice."""
        account = self.standing.account
        if account is None:
            return None
        moved = self.moved()
        account.moved.made += moved - self.counted
        self.counted = moved
        return Reason.BUDGET_SPENT if account.moved.is_spent else None


@dataclass(slots=True)
class _Group:
    """The exchanges under one grant. `ends_at` may be too early after a removal, never too late."""

    ends_at: float = math.inf
    running: dict[Watch, None] = field(default_factory=dict)


class Watches:
    """Found by grant, so that ending one among thousands asks nobody else; and by time."""

    def __init__(self, judge: Judge, on_cut: Callable[[Reason], None]) -> None:
        self._judge = judge
        self._on_cut = on_cut
        self._groups: dict[str, _Group] = {}
        self.earliest_end = math.inf  # may be too early, never too late

    def __len__(self) -> int:
        return sum(len(group.running) for group in self._groups.values())

    def add(self, watch: Watch) -> None:
        """Register."""
        standing = watch.standing
        group = self._groups.get(standing.grant_id)
        if group is None:
            group = self._groups[standing.grant_id] = _Group()
        group.running[watch] = None
        group.ends_at = min(group.ends_at, standing.ends_at)
        self.earliest_end = min(self.earliest_end, standing.ends_at)

    def remove(self, watch: Watch) -> bool:
        """Unregister. Returns whether it was registered."""
        grant_id = watch.standing.grant_id
        group = self._groups.get(grant_id)
        if group is None or watch not in group.running:
            return False
        del group.running[watch]
        if not group.running:
            del self._groups[grant_id]
        return True

    def sweep(self, grant_ids: Iterable[str] | None = None) -> None:
        """Judge what runs under these grants, or everything, and cut what fails."""
        for grant_id in list(self._groups) if grant_ids is None else grant_ids:
            group = self._groups.get(grant_id)
            if group is not None:
                self._sweep_group(grant_id, group)

    def sweep_ended(self, now: float) -> None:
        """Judge what may have come to its end."""
        self.sweep([name for name, group in self._groups.items() if group.ends_at <= now])
        self.earliest_end = min((group.ends_at for group in self._groups.values()), default=math.inf)

    def _sweep_group(self, grant_id: str, group: _Group) -> None:
        group.ends_at = math.inf
        for watch in list(group.running):
            answer = self._judge(watch)
            if isinstance(answer, Reason):
                self._end(watch, answer)
            elif answer.grant_id == grant_id:
                watch.standing = answer
                group.ends_at = min(group.ends_at, answer.ends_at)
            elif self.remove(watch):
                watch.standing = answer
                self.add(watch)
        self.earliest_end = min(self.earliest_end, group.ends_at)

    def _end(self, watch: Watch, reason: Reason) -> None:
        if not self.remove(watch):
            return  # an earlier cut took it along
        try:
            watch.cut(reason)
        except Exception:  # noqa: BLE001  # one stream that fails to close must not save the others from being cut
            _log.exception("an exchange could not be cut")
        self._on_cut(reason)

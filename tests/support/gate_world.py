"""A gate whose control plane is the test, with time moved by hand."""

from __future__ import annotations

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView
from registry_proxy.control_client import Batch, Heartbeat, Snapshot, TargetFacts
from registry_proxy.control_client.messages import NewsPosition, ViewNews
from registry_proxy.gate import Admission, Gate, Refusal
from registry_proxy.metering import Meter
from registry_proxy.settings import Secret
from tests.support.views import TARGET

NOW = 1_800_000_000.0
TARGET_FACTS = TargetFacts(TARGET, "oci", "http://127.0.0.1:5000", "gateway", Secret("upstream password"), True)


class Ticks:
    """The process's seconds, moved by hand."""

    def __init__(self) -> None:
        self.value = 100.0

    def __call__(self) -> float:
        return self.value


class World:
    """A gate whose control plane is this test."""

    def __init__(self, ticks: Ticks | None = None) -> None:
        self.ticks = ticks or Ticks()
        self.gate = Gate(Meter(), ticks=self.ticks)
        self._id = 0

    @property
    def now(self) -> float:
        return NOW + self.ticks.value - 100.0

    def position(self) -> NewsPosition:
        return NewsPosition((1, self._id), self._id, "birth")

    def load(
        self, *views: SessionView, targets: tuple[TargetFacts, ...] = (TARGET_FACTS,), ends_doubt: bool = True
    ) -> None:
        self.gate.deliver(Snapshot(self.now, self.position(), views, targets, self.ticks.value, ends_doubt))
        self.beat()

    def beat(self, db_now: float | None = None) -> None:
        beat = Heartbeat(self.now if db_now is None else db_now, self.position(), self.ticks.value, self.ticks.value)
        self.gate.deliver(Batch((), beat))

    def tell(self, *views: SessionView) -> None:
        self._id += 1
        self.gate.deliver(Batch((ViewNews(views, (1, self._id)),), None))

    def pass_time(self, seconds: float, *, beating: bool = True) -> None:
        self.ticks.value += seconds
        if beating:
            self.beat()


def admitted(answer: Admission | Refusal) -> Admission:
    assert isinstance(answer, Admission), answer
    return answer


def refused(answer: Admission | Refusal) -> Reason:
    assert isinstance(answer, Refusal), answer
    return answer.reason

"""What was measured, as plain values that a file can keep: the report is drawn from them, now or later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.ratios import Spread, paired_ratio

OURS = "gateway"


@dataclass(frozen=True, slots=True)
class Sample:
    """One visit's numbers. `case` says what was done, like `requests/32` or `down-tls/8`."""

    case: str
    upstream: str
    candidate: str
    round: int
    values: dict[str, float]
    load_average: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A visit that gave no number, and why."""

    case: str
    upstream: str
    candidate: str
    round: int
    why: str


@dataclass(slots=True)
class Results:
    """Everything of one run."""

    facts: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, list[str]] = field(default_factory=dict)

    def select(self, case: str, upstream: str, candidate: str = "") -> Iterator[Sample]:
        """Samples of one case, of all candidates or of one."""
        for sample in self.samples:
            if (sample.case, sample.upstream) == (case, upstream) and candidate in ("", sample.candidate):
                yield sample

    def candidates(self, case: str, upstream: str) -> list[str]:
        """Who has numbers for a case, in the order of the first visit."""
        return list(dict.fromkeys(sample.candidate for sample in self.select(case, upstream)))

    def spread(self, case: str, upstream: str, candidate: str, value: str) -> Spread | None:
        """One value over all rounds."""
        return Spread.over(self._by_round(case, upstream, candidate, value).values())

    def ratio(self, case: str, upstream: str, candidate: str, value: str) -> Spread | None:
        """Ours over theirs, paired per round."""
        ours = self._by_round(case, upstream, OURS, value)
        return paired_ratio(ours, self._by_round(case, upstream, candidate, value))

    def cases(self, prefix: str) -> list[tuple[str, str]]:
        """(case, upstream) pairs that have numbers, in order of appearance."""
        found = ((sample.case, sample.upstream) for sample in self.samples if sample.case.startswith(prefix))
        return list(dict.fromkeys(found))

    def _by_round(self, case: str, upstream: str, candidate: str, value: str) -> dict[int, float]:
        samples = self.select(case, upstream, candidate)
        return {sample.round: sample.values[value] for sample in samples if value in sample.values}

    def save(self, path: Path) -> None:
        """As JSON, one sample a line so that two runs can be compared with diff."""
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = {
            "facts": json.dumps(self.facts, indent=1),
            "notes": json.dumps(self.notes, indent=1),
            "samples": _lines(asdict(sample) for sample in self.samples),
            "failures": _lines(asdict(failure) for failure in self.failures),
            "profiles": json.dumps(self.profiles, indent=1),
        }
        text = ",\n".join(f'"{name}": {part}' for name, part in parts.items())
        path.write_text("{\n" + text + "\n}\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """What `save` wrote."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            facts=raw["facts"],
            notes=raw["notes"],
            samples=[Sample(**item) for item in raw["samples"]],
            failures=[Failure(**item) for item in raw["failures"]],
            profiles=raw["profiles"],
        )


def _lines(items: Iterable[dict[str, object]]) -> str:
    return "[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]"

"""The result, by kind of fault."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.faults.trial import Outcome

_HEAD = ("fault", "times", "violations", "last allow", "last byte", "open again", "needless cuts")


def render(outcomes: Sequence[Outcome]) -> str:
    """Markdown. Worst seconds after the revocation; `open again` is after the part was mended."""
    rows = [_row(kind, [item for item in outcomes if item.kind == kind]) for kind in sorted({o.kind for o in outcomes})]
    rows.append(_row("**all**", list(outcomes)))
    lines = [_line(_HEAD), _line(["---", *["---:"] * (len(_HEAD) - 1)]), *map(_line, rows)]
    return "\n".join(lines)


def _row(kind: str, items: list[Outcome]) -> list[str]:
    if not items:
        return [kind, "0", "0", *["-"] * (len(_HEAD) - 3)]
    return [
        kind,
        str(len(items)),
        str(sum(bool(item.violations) for item in items)),
        _seconds(max(item.admitted_lag_s for item in items)),
        _seconds(max(item.stream_lag_s for item in items)),
        _seconds(max(item.recovery_s for item in items)),
        str(sum(item.cut_without_need for item in items)),
    ]


def _seconds(value: float) -> str:
    return f"{max(0.0, value):.2f} s"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

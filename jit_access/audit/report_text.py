"""What the terminal says about the log: what was checked, line by line, or the first thing that is wrong."""

from __future__ import annotations

from jit_access.audit.faults import Report
from jit_access.audit.proofs import InclusionProof
from jit_access.core.terminal import Terminal, thin


def report_lines(report: Report, terminal: Terminal) -> list[str]:
    """The report as lines without a trailing newline."""
    if report.fault is not None:
        return _fault_lines(report, terminal)
    ok = terminal.mark("ok")
    lines = [_row(ok, "records", f"{_count(report.records, 'record')} recomputed from their text")]
    if report.size:
        lines.append(_row(ok, "head", f"root {report.root}"))
        lines.append(_row(ok, "signature", f"by key {report.key_id}, at {report.at}"))
    lines.append(_row(ok, "checkpoints", f"{_count(report.checkpoints, 'checkpoint')}, each a past of this log"))
    if report.witness_lines is None:
        lines.append(_row(terminal.mark("look"), "witness", "none asked: a log set back as a whole would not be seen"))
    else:
        lines.append(_row(ok, "witness", f"{_count(report.witness_lines, 'line')}, each a past of this log"))
    lines += [_row(terminal.mark("look"), "witness", warning) for warning in report.warnings]
    speed = f", {thin(round(report.records / report.duration_s))} records/s" if report.records else ""
    return [*lines, f"The log is what was written.  {report.duration_s:.2f} s{speed}"]


def _fault_lines(report: Report, terminal: Terminal) -> list[str]:
    fault = report.fault
    if fault is None:
        return []
    lines = [f"{terminal.mark('no')} {fault.sentence}  {fault.kind}"]
    if fault.record_id:
        lines.append(f"  record   {fault.record_id}")
    if fault.seq is not None and fault.seq > 0:
        until = "record 0 is" if fault.seq == 1 else f"records 0 to {thin(fault.seq - 1)} are"
        lines.append(f"  before   {until} as written")
    lines.append("  after    not judged: the first wrong record makes every later root wrong")
    return [*lines, *(f"{terminal.mark('look')} {warning}" for warning in report.warnings)]


def proof_lines(proof: InclusionProof, terminal: Terminal, *, holds: bool) -> list[str]:
    """One record's proof, short; `--json` gives every hash."""
    mark = terminal.mark("ok" if holds else "no")
    head = proof.head
    return [
        proof.record,
        f"{mark} Record {thin(proof.seq)} of {thin(head.size)}, proved by {_count(len(proof.path), 'hash', 'hashes')}.",
        f"  root       {head.root}",
        f"  signed     {head.at} by key {head.key_id}",
        f"  public key {head.public_key}",
    ]


def _row(mark: str, name: str, text: str) -> str:
    return f"{mark} {name:<11}  {text}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{thin(number)} {one if number == 1 else many or one + 's'}"

"""What a check of the rules found: which rule, where, how bad, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

# Strings and comments come first, so that what only looks like an annotation inside of them is passed over.
_ID = re.compile(r'//[^\n]*|@id\s*\(\s*"(?P<id>[^"\\]*)"\s*\)|"(?:\\.|[^"\\])*"', re.DOTALL)


class Severity(StrEnum):
    """In falling order: does not do what it says; look again; good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Code(StrEnum):
    """What is wrong, for programs. The words that a pipeline may rely on; see docs/how-to/write-a-policy.md."""

    BROKEN = "policy-broken"
    MAY_FAIL = "may-fail"
    UNREACHABLE = "unreachable"
    UNKNOWN_TIER = "unknown-tier"
    UNKNOWN_NAME = "unknown-name"
    SHADOWED = "shadowed"
    OPEN_TO_EVERYBODY = "open-to-everybody"
    ANY_OPERATION = "any-operation"
    ANY_RESOURCE = "any-resource"
    NO_APPROVALS = "no-approvals"
    NO_FACTOR = "no-factor"
    LASTS_LONG = "lasts-long"
    NOT_NAMED = "operation-not-named"
    FILES_NOT_SEEN = "files-not-seen"
    UNDECIDED = "could-not-decide"


@dataclass(frozen=True, slots=True)
class Finding:
    """`line` counts from 1; it is 0, and `rule` empty, where the finding is about all of the policy."""

    code: Code
    severity: Severity
    sentence: str
    rule: str = ""
    file: str = ""
    line: int = 0

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}: rule {self.rule}" if self.rule else self.file or "policy"

    def as_line(self) -> str:
        """For a terminal, in the form that editors jump to."""
        return f"{self.where}: {self.severity}: {self.sentence} [{self.code}]"

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first, then as they stand in the files."""
    return tuple(sorted(findings, key=lambda one: (one.severity.rank, one.file, one.line, one.rule, one.code)))


def lines_of(files: Mapping[str, str]) -> dict[str, int]:
    """The line of each rule's @id. Of two rules with one name, the first."""
    found: dict[str, int] = {}
    for text in files.values():
        for match in _ID.finditer(text):
            if match["id"] is not None:
                found.setdefault(match["id"], text.count("\n", 0, match.start()) + 1)
    return found

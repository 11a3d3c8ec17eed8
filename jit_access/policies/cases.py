"""Cases that a policy must pass, in YAML beside its rules: who, what, and what is expected. Nothing is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason
from jit_access.policies.answers import Approval, PolicyAnswer, approval_words, check_duration, numbered
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.questions import Assurance, Phase, Proof, Question, Resource, Subject
from jit_access.policies.rules import parse_approvals, parse_duration

MAX_FILE_BYTES = 1_000_000
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,95}[.]yaml")
_PROOFS = {
    "none": Assurance.NONE,
    "password": Assurance.PASSWORD,
    "code": Assurance.SECOND_FACTOR,
    "passkey": Assurance.PHISHING_RESISTANT,
}
_KEYS = frozenset({"name", "groups", "agent", "account", "do", "resource", "tier", "for", "proof", "proved", "phase"})
_EXPECTED = frozenset({"expect", "approvals", "rule", "reason", "lasts_at_most"})


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out. Empty fields are not looked at."""

    is_allowed: bool
    approvals: tuple[Approval, ...] | None = None
    rule: str = ""
    reason: str = ""
    lasts_at_most_s: int = 0


@dataclass(frozen=True, slots=True)
class PolicyCase:
    """One question with its expected answer."""

    name: str
    question: Question
    expected: Expected

    def faults(self, policy: CompiledPolicy) -> tuple[str, ...]:
        """What came out otherwise, each as `expected, but got`; nothing when the case passes."""
        answer = check_duration(policy.ask(self.question), self.question.lasts_s)
        return tuple(_faults(self.expected, answer))


def read_cases(directory: Path) -> tuple[PolicyCase, ...]:
    """The cases of all `*.yaml` files of a directory. Raises: PolicyBroken naming every one that cannot be read."""
    cases: list[PolicyCase] = []
    problems: list[str] = []
    for path in sorted(directory.glob("*.yaml")):
        for number, raw in enumerate(_items(path), start=1):
            try:
                cases.append(_parse(raw))
            except (ValueError, KeyError, TypeError, AttributeError) as exc:
                problems.append(f"{path.name}: case {number}: {exc}")
    if problems:
        raise PolicyBroken(tuple(problems))
    return tuple(cases)


def read_case_texts(directory: Path) -> dict[str, str]:
    """The files themselves, for keeping them beside a policy. Raises: PolicyBroken as `read_cases`."""
    read_cases(directory)
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.yaml"))}


def cases_from(texts: Mapping[str, str]) -> tuple[PolicyCase, ...]:
    """The cases of kept files. Raises: PolicyBroken, also for a name that is no plain one."""
    with TemporaryDirectory(prefix="jit-cases-") as name:
        for file, text in texts.items():
            if not _FILE.fullmatch(file):
                raise PolicyBroken((f"{file[:40]}: is no plain name of a .yaml file",))
            (Path(name) / file).write_text(text, encoding="utf-8")
        return read_cases(Path(name))


def _items(path: Path) -> list[Any]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise PolicyBroken((f"{path.name}: is larger than {MAX_FILE_BYTES} bytes",))
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as exc:
        raise PolicyBroken((f"{path.name}: cannot be read as YAML",)) from exc
    if not isinstance(found, list):
        raise PolicyBroken((f"{path.name}: holds no list of cases",))
    return found


def _parse(raw: Mapping[str, Any]) -> PolicyCase:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("name"), str):
        raise ValueError("each case is a mapping with a name")
    if unknown := set(raw) - _KEYS - _EXPECTED:
        raise ValueError(f"{min(map(str, unknown))!r} is not a word of a case")
    if missing := {"do", "resource", "tier", "expect"} - set(raw):
        raise ValueError(f"{min(missing)!r} is missing")
    return PolicyCase(raw["name"], _question(raw), _expected(raw))


def _question(raw: Mapping[str, Any]) -> Question:
    is_agent = raw.get("agent", False)
    groups = raw.get("groups", [])
    target, slash, repository = str(raw["resource"]).partition("/")
    if not isinstance(is_agent, bool) or not isinstance(groups, list) or not slash:
        raise ValueError("agent is true or false, groups is a list, and resource is target/repository")
    level = _PROOFS.get(raw.get("proof", "none" if is_agent else "code"))
    if level is None:
        raise ValueError(f"proof is one of {', '.join(_PROOFS)}")
    age = parse_duration(raw["proved"]) if "proved" in raw else 0
    proof = Proof(level, age if level >= Assurance.SECOND_FACTOR else None)
    subject = Subject(str(raw.get("account", "usr_case")), frozenset(map(str, groups)), is_agent)
    resource = Resource(target, repository, Tier(raw["tier"]))
    lasts_s = parse_duration(raw.get("for", "1h"))
    return Question(subject, Operation(raw["do"]), resource, lasts_s, Phase(raw.get("phase", "request")), proof)


def _expected(raw: Mapping[str, Any]) -> Expected:
    if raw["expect"] not in {"allow", "deny"}:
        raise ValueError("expect is allow or deny")
    approvals = raw.get("approvals")
    if approvals is not None:
        approvals = parse_approvals(approvals) if approvals != "nobody" else ()
    return Expected(
        raw["expect"] == "allow",
        approvals,
        str(raw.get("rule", "")),
        str(Reason(raw["reason"])) if "reason" in raw else "",
        parse_duration(raw["lasts_at_most"]) if "lasts_at_most" in raw else 0,
    )


def _faults(expected: Expected, answer: PolicyAnswer) -> Iterator[str]:
    if answer.is_allowed is not expected.is_allowed:
        rules = f" by {', '.join(answer.rules)}" if answer.rules else ""
        yield f"{'allow' if expected.is_allowed else 'deny'}, but got {answer.reason}{rules}"
        return
    if expected.approvals is not None and numbered(answer.approvals) != expected.approvals:
        yield f"approvals {approval_words(expected.approvals)}, but got {approval_words(answer.approvals)}"
    if expected.rule and expected.rule not in answer.rules:
        yield f"rule {expected.rule}, but got {', '.join(answer.rules) or 'none'}"
    if expected.reason and expected.reason != answer.reason:
        yield f"reason {expected.reason}, but got {answer.reason}"
    if expected.lasts_at_most_s and expected.lasts_at_most_s != answer.lasts_at_most_s:
        yield f"at most {expected.lasts_at_most_s} s, but got {answer.lasts_at_most_s} s"

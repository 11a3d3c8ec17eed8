"""Policies and questions at random: over a small world, so that rules meet questions often."""

from __future__ import annotations

from random import Random
from typing import TypeVar

from tests.support.cedar_oracle.answering import Asked

T = TypeVar("T")
PEOPLE = ("usr_ada", "usr_ben", "research")
GROUPS = ("research", "owners", "usr_ada")
TARGETS = ("hub", "lab")
REPOSITORIES = ("llm/a", "llm/ab*", "tools/b", "sensitive")
TIERS = ("standard", "sensitive", "critical")
ACTIONS = ("pull", "push", "delete", "promote", "admin", "know")
PHASES = ("request", "activate", "live")
NUMBERS = (0, 1, 2, 3, 59, 60, 900, 3600, 14400, 2**31, 2**62, 2**63 - 1)
WORDS = ("llm/a", "llm/", "hub", "standard", "sensitive", "request", "live", "*", "é", "")
PATTERNS = ("*", "llm/*", r"*\*", "*/a*", "l*m*b*", "sens*itive", "tools/b", "*é*", "")
ANNOTATIONS = {
    "approvals": (
        "1 of owners",
        "2 of owners, 1 of security",
        "1 of security",
        "1 of manager; 1 of owners",
        "1 of security; 2 of owners",
        "1 of target-owner, 1 of group:manager; 1 of group:owners",
    ),
    "approve_in_chat": ("",),
    "break_glass": ("30m", "15m"),
    "factor": ("15m", "5m", "90s"),
    "approver_factor": ("5m", "15m"),
    "approver_factor_kind": ("passkey",),
    "staleness": ("strict", "best_effort"),
    "byte_budget": ("1 GiB", "200MiB"),
    "request_budget": ("20000", "7"),
    "refuse_files": ("pickle", "code, *.gguf", "*.gguf"),
}


class Maker:
    """Everything that is drawn comes from one seed."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)  # noqa: S311  # a test's dice, no secret

    def policy(self) -> tuple[str, ...]:
        """Up to twelve rules. Some say what no validator accepts; who loads them leaves those out."""
        return tuple(self.rule(number) for number in range(self.draw.randint(1, 12)))

    def rule(self, number: int) -> str:
        is_permit = self.draw.random() < 0.7
        what = self.action()
        said = [f'@id("r{number}")']
        if is_permit and what != 'action == Action::"know"':
            said.append(f'@lasts_at_most("{self.pick("30m", "1h", "4h", "2d")}")')
            drawn = [(name, self.pick(*texts)) for name, texts in ANNOTATIONS.items() if self.chance(0.25)]
            said += [f'@{name}("{text}")' if text else f"@{name}" for name, text in drawn]
        conditions = "".join(
            f"\n{self.pick('when', 'unless')} {{ {self.yes_or_no(3)} }}" for _ in range(self.pick(0, 0, 1, 1, 2))
        )
        effect = "permit" if is_permit else "forbid"
        return f"{' '.join(said)}\n{effect} ({self.principal()}, {what}, {self.resource()}){conditions};"

    def question(self) -> Asked:
        assurance = self.pick(0, 1, 2, 2, 3)
        return Asked(
            self.pick(*PEOPLE),
            frozenset(group for group in GROUPS if self.chance(0.5)),
            self.chance(0.3),
            self.pick(*ACTIONS),
            self.pick(*TARGETS),
            self.pick(*REPOSITORIES),
            self.pick(*TIERS),
            self.pick(1, 60, 3600, 14400, 2**40),
            self.pick(*PHASES),
            assurance,
            self.pick(0, 60, 900, 4000) if assurance >= 2 else -1,
            is_active=self.chance(0.97),
        )

    def principal(self) -> str:
        user, group = self.pick(*PEOPLE), self.pick(*GROUPS)
        return self.pick(
            "principal", "principal", f'principal == User::"{user}"', f'principal in Group::"{group}"',
            f'principal in Group::"{group}"', "principal is User", f'principal is User in Group::"{group}"',
        )  # fmt: skip

    def action(self) -> str:
        one, other = self.pick(*ACTIONS), self.pick(*ACTIONS)
        return self.pick(
            "action", "action", f'action == Action::"{one}"', f'action in [Action::"{one}", Action::"{other}"]',
            f'action in Action::"{one}"',
        )  # fmt: skip

    def resource(self) -> str:
        return self.pick(
            "resource", "resource", f'resource in Tier::"{self.pick(*TIERS)}"', "resource is Repository",
            f'resource in Target::"{self.pick(*TARGETS)}"', f"resource == {self.repository()}",
            f'resource is Repository in Tier::"{self.pick(*TIERS)}"',
        )  # fmt: skip

    def repository(self) -> str:
        return f'Repository::"{self.pick(*TARGETS)}/{self.pick(*REPOSITORIES)}"'

    def yes_or_no(self, depth: int) -> str:
        if depth == 0 or self.chance(0.25):
            return self.fact()
        one, other = self.yes_or_no(depth - 1), self.yes_or_no(depth - 1)
        return self.pick(
            f"({one} && {other})", f"({one} || {other})", f"!({one})",
            f"(if {self.yes_or_no(depth - 1)} then {one} else {other})",
            f"{one} && {other}", f"{one} || {other}", f"(({one}) == ({other}))",
        )  # fmt: skip

    def fact(self) -> str:
        sign = self.pick("==", "!=", "<", "<=", ">", ">=")
        texts = ", ".join(self.text() for _ in range(self.draw.randint(1, 3)))
        numbers = ", ".join(self.number(1) for _ in range(self.draw.randint(1, 3)))
        others = ", ".join(self.number(1) for _ in range(self.draw.randint(1, 2)))
        return self.pick(
            "context.is_agent", "context.is_agent", f"{self.number(2)} {sign} {self.number(2)}",
            f"context.lasts_s {sign} {self.pick(59, 60, 3600)}", f"context.assurance {sign} {self.pick(1, 2)}",
            f"(context has factor_age_s && context.factor_age_s {sign} {self.pick(60, 900)})",
            f"(!(context has factor_age_s) || context.factor_age_s * {self.pick(*NUMBERS)} {sign} 7)",
            f"{self.text()} {self.pick('==', '!=')} {self.text()}", f'resource.name like "{self.pick(*PATTERNS)}"',
            f'{self.text()} like "{self.pick(*PATTERNS)}"', f"[{texts}].contains({self.text()})",
            f"[{numbers}].{self.pick('containsAll', 'containsAny')}([{others}])",
            f'principal in Group::"{self.pick(*GROUPS)}"', f'principal == User::"{self.pick(*PEOPLE)}"',
            f'principal in [Group::"{self.pick(*GROUPS)}", Group::"{self.pick(*GROUPS)}"]',
            f'resource in [Tier::"{self.pick(*TIERS)}", Tier::"{self.pick(*TIERS)}"]',
            f'resource in Target::"{self.pick(*TARGETS)}"', f"resource in [{self.repository()}, {self.repository()}]",
            f'action == Action::"{self.pick(*ACTIONS)}"',
            f'{{a: {self.number(1)}, "b c": {self.text()}}}["b c"] == {self.text()}',
            "resource is Repository", f"[{numbers}].isEmpty()", "resource has tier",
        )  # fmt: skip

    def number(self, depth: int) -> str:
        if depth == 0 or self.chance(0.5):
            plain = str(self.pick(*NUMBERS)), f"-{self.pick(*NUMBERS)}", "-9223372036854775808"
            return self.pick("context.lasts_s", "context.assurance", "context.assurance", *plain)
        one, other = self.number(depth - 1), self.number(depth - 1)
        return self.pick(f"{one} + {other}", f"({one} - {other})", f"{one} * {other}", f"-({one})")

    def text(self) -> str:
        said = f'"{self.pick(*WORDS)}"'
        return self.pick("resource.name", "resource.target", "resource.tier", "context.phase", said, said)

    def pick(self, *choices: T) -> T:
        return self.draw.choice(choices)

    def chance(self, of: float) -> bool:
        return self.draw.random() < of

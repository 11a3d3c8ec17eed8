"""What one policy decision costs with a thousand rules stored, asked as the services ask: query, slice, Cedar, terms.

Run: `python benchmarks/policy_decision.py`. SQLite, throw-away. The rules are a company's: most name a group and a
repository, a target or a tier, some a person, a few nobody at all. Beside it stands the same question over all the
rules at once, which is what slicing saves. CPU per decision; p99 is wall clock and says little on a busy machine.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

RULES = 1000
GROUPS, TARGETS, REPOSITORIES = 60, 25, 300
ROUNDS = 2000
SCOPES = (
    'principal in Group::"g{g}", action == Action::"pull", resource == Repository::"t{t}/r{r}"',
    'principal in Group::"g{g}", action in [Action::"pull", Action::"push"], resource in Target::"t{t}"',
    'principal == User::"usr_{n}", action == Action::"pull", resource in Tier::"sensitive"',
    'principal in Group::"g{g}", action == Action::"delete", resource',
    'principal in Group::"g{g}", action == Action::"pull", resource in Tier::"standard"',
)
OPEN_SCOPE = "principal, action, resource"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
        os.environ |= {
            "JIT_DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "DJANGO_SETTINGS_MODULE": "jit_access.config.settings.test",
        }
        import django  # noqa: PLC0415  # reads what was set just above
        from django.core.management import call_command  # noqa: PLC0415

        django.setup()
        call_command("migrate", verbosity=0)
        write_rules(Path(folder) / "policy")
        print(f"load average {os.getloadavg()[0]:.2f}")
        measure(Path(folder) / "policy")


def write_rules(folder: Path) -> None:
    """The example set and enough others to make a thousand."""
    example = ROOT / "jit_access" / "policies" / "example"
    folder.mkdir()
    count = 0
    for path in example.iterdir():
        text = path.read_text(encoding="utf-8")
        count += text.count('\n@id("')
        (folder / path.name).write_text(text, encoding="utf-8")
    files: list[list[str]] = [[] for _ in range(10)]
    for number in range(RULES - count):
        files[number % len(files)].append(make_rule(number))
    for number, rules in enumerate(files):
        (folder / f"more-{number}.cedar").write_text("\n".join(rules), encoding="utf-8")


def make_rule(number: int) -> str:
    if number % 100 == 0:
        scope, condition = OPEN_SCOPE, f'when {{ resource.name like "llm/{number}/*" }}'
    else:
        scope, condition = SCOPES[number % len(SCOPES)], "unless { context.is_agent }"
    spelled = scope.format(g=number % GROUPS, t=number % TARGETS, r=number % REPOSITORIES, n=number)
    return f'@id("more-{number}") @lasts_at_most("4h") permit ({spelled}) {condition};'


def measure(folder: Path) -> None:
    from jit_access.domain.actors import GATEWAY  # noqa: PLC0415  # needs django.setup()
    from jit_access.domain.operations import Operation, Tier  # noqa: PLC0415
    from jit_access.policies.cedar_forms import policy_set_of  # noqa: PLC0415
    from jit_access.policies.questions import Assurance, Proof, Question, Resource, Subject  # noqa: PLC0415
    from jit_access.policies.services import compiled_policy, decide, load_policy  # noqa: PLC0415

    load_policy(actor=GATEWAY, directory=folder)
    policy = compiled_policy()
    assert policy is not None
    assert len(policy.rules) == RULES, len(policy.rules)
    every = policy_set_of(policy.sources)
    whole = replace(policy, slices=SimpleNamespace(policy_set=lambda _question: every))
    questions = [
        Question(
            Subject(f"usr_{number}", frozenset({"research", f"g{number % GROUPS}", f"g{number % 7}"}), is_agent=False),
            (Operation.PULL, Operation.PUSH)[number % 2],
            Resource(f"t{number % TARGETS}", f"r{number % REPOSITORIES}", list(Tier)[number % 3]),
            3600,
            proof=Proof(Assurance.SECOND_FACTOR, 30),
        )
        for number in range(200)
    ]
    sizes = [len(policy.slices.rules(question)) for question in questions]
    print(f"{RULES} rules; a slice holds {statistics.median(sizes):.0f} of them (median), {max(sizes)} at most")
    for question in questions:
        assert decide(question) == whole.ask(question)
    show("decide, query included", decide, questions, ROUNDS)
    show("ask, rules and entities met before", policy.ask, questions, ROUNDS)
    fresh = (replace(question, subject=replace(question.subject, id=f"x{n}")) for n, question in enumerate(questions))
    show("ask, an account never seen before", policy.ask, list(fresh), len(questions))
    show("ask over all rules at once", whole.ask, questions, 200)


def show(name: str, ask: Callable[..., object], questions: list[object], rounds: int) -> None:
    cpu, wall = [], []
    for number in range(rounds):
        start, used = time.perf_counter(), time.thread_time()
        ask(questions[number % len(questions)])
        cpu.append((time.thread_time() - used) * 1e6)
        wall.append((time.perf_counter() - start) * 1e6)
    cpu.sort()
    wall.sort()
    print(
        f"  {name}: CPU p50 {cpu[rounds // 2]:.0f} us, p95 {cpu[int(rounds * 0.95)]:.0f} us; by the clock "
        f"p50 {wall[rounds // 2]:.0f} us, p99 {wall[int(rounds * 0.99)]:.0f} us"
    )


if __name__ == "__main__":
    main()

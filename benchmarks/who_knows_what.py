"""What it costs to show one account its part of a large catalogue, with a thousand rules: 20,000 names at ten targets.

Run: `python benchmarks/who_knows_what.py`. SQLite, throw-away. Twice: with rules that name groups, targets, tiers and
single repositories; and with ten more that look at every name (`like`), so that no tier stands for anything. "Cold" is
the first look of an account under this policy version in this process, "warm" every later one. CPU and wall clock.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

REPOSITORIES, TARGETS, ROUNDS = 20_000, 10, 9


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
        fill()
        print(f"load average {os.getloadavg()[0]:.2f}")
        for title, looks_at_names in (("rules by group, target, tier, repository", False), ("and by name", True)):
            measure(title, write_policy(Path(folder) / f"policy-{looks_at_names}", looks_at_names=looks_at_names))


def fill() -> None:
    from jit_access.domain.operations import Tier  # noqa: PLC0415  # needs django.setup()
    from jit_access.targets.models import Repository, Target  # noqa: PLC0415

    tiers = list(Tier)
    for number in range(TARGETS):
        target = Target.objects.create(slug=f"t{number}", display_name=f"T {number}", base_url="https://t.example")
        Repository.objects.bulk_create(
            Repository(public_id=f"rpo_{number}x{n}", target=target, name=f"llm/{n % 97}/r{n}", tier=tiers[n % 3])
            for n in range(REPOSITORIES // TARGETS)
        )


def write_policy(folder: Path, *, looks_at_names: bool) -> Path:
    from benchmarks import policy_decision  # noqa: PLC0415  # its rules are a company's

    policy_decision.OPEN_SCOPE = (
        "principal, action, resource" if looks_at_names else 'principal, action, resource == Repository::"t1/x"'
    )
    policy_decision.write_rules(folder)
    return folder


def measure(title: str, folder: Path) -> None:
    from django.contrib.auth.models import Group  # noqa: PLC0415

    from jit_access.access_requests.catalogue import search  # noqa: PLC0415  # needs django.setup()
    from jit_access.access_requests.knowing import known_to  # noqa: PLC0415
    from jit_access.accounts.services import add_to_group, create_person  # noqa: PLC0415
    from jit_access.domain.actors import GATEWAY  # noqa: PLC0415
    from jit_access.policies.services import compiled_policy, load_policy  # noqa: PLC0415

    load_policy(actor=GATEWAY, directory=folder)
    policy = compiled_policy()
    assert policy is not None
    people = []
    for number in range(ROUNDS):
        name = f"p{number}-{folder.name.lower()}"
        person = create_person(
            actor=GATEWAY, username=name, password=name * 2, display_name=name, email=f"{name}@x.example"
        )
        for group in (f"g{number}", f"g{number + 20}"):
            Group.objects.get_or_create(name=group)
            add_to_group(actor=GATEWAY, user=person, group=group)
        people.append(person)
    known = [known_to(person).repositories().count() for person in people]
    policy.known.clear()
    print(f"\n{len(policy.rules)} rules, {title}; an account knows {statistics.median(known):.0f} of {REPOSITORIES}")
    show("cold: a page of search and its count", lambda n: page(search, known_to(people[n])))
    show("warm: the same", lambda n: page(search, known_to(people[n])))
    show("warm: by an id", lambda n: known_to(people[n]).repositories().filter(public_id=f"rpo_{n}x7").first())
    show("a name that is there", lambda n: known_to(people[n]).may_name(None, f"t{n}", ["llm/7/r7"]))
    show("a name that is not", lambda n: known_to(people[n]).may_name(None, f"t{n}", ["llm/7/none"]))


def page(search: Callable[..., object], known: object) -> None:
    found = search(known.repositories(), "r1 llm")  # type: ignore[attr-defined]
    found.count(), list(found[:20])  # type: ignore[attr-defined, index]


def show(name: str, act: Callable[[int], object]) -> None:
    cpu, wall = [], []
    for number in range(ROUNDS):
        start, used = time.perf_counter(), time.thread_time()
        act(number)
        cpu.append((time.thread_time() - used) * 1e3)
        wall.append((time.perf_counter() - start) * 1e3)
    print(f"  {name}: CPU {statistics.median(cpu):.1f} ms, by the clock {statistics.median(wall):.1f} ms")


if __name__ == "__main__":
    main()

"""Which worker runs what: what shares something dear stays together, and what takes long begins first."""

from __future__ import annotations

from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

_STACK = "tests/flows"
_WITH_STACK = frozenset(
    f"{_STACK}/test_{name}.py"
    for name in (
        "break_glass",
        "byte_budget",
        "first_pull",
        "hub_story",
        "leaving",
        "locks",
        "policy_cuts",
        "store_story",
        "tracking_story",
        "tutorial",
        "two_grants",
        "who_knows_what",
    )
)
_APART = ("tests/adversarial/test_million_targets.py", "tests/fuzzing/test_short_run.py")
# One of these as the last would keep one processor busy while the others have nothing left.
_LONG = (
    "tests/flows/test_fault_injection.py", _STACK, "tests/flows/test_lifecycle_races.py",
    "tests/registry_proxy/test_supervisor.py", "tests/mfa/test_proof.py", "tests/e2e/test_pages.py",
    "tests/e2e/test_story.py", "tests/adversarial/test_corpus.py",
)  # fmt: skip


def scope_of(nodeid: str) -> str:
    """What goes to one worker as a whole: a file; all that uses a running stack; each test of what shares nothing."""
    path = nodeid.partition("::")[0]
    if path in _APART:
        return nodeid
    return _STACK if path in _WITH_STACK else path


class LongestFirst(LoadFileScheduling):  # type: ignore[misc]  # xdist says nothing of its types
    """Takes the place of `--dist=loadfile`."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        urgent = next((scope for scope in _LONG if scope in self.workqueue), None)
        if urgent is not None:
            self.workqueue.move_to_end(urgent, last=False)
        super()._assign_work_unit(node)

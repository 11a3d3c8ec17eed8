"""What a card says for a tracking server: a whole command for each thing that the grant allows, and no other."""

from __future__ import annotations

import shlex

import pytest

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.grants.models import Grant
from jit_access.targets.models import Target, TargetKind
from jit_access.web.mlflow_commands import mlflow_steps

MODEL, LATEST = "models/Tiny-Llama", {("ours", "models/Tiny-Llama"): "7"}


def steps(*parts: ResourceScope) -> dict[str, list[str]]:
    """The words that a shell reads, by title, without the sign-in."""
    target = Target(slug="ours", kind=TargetKind.MLFLOW)
    told = mlflow_steps(Grant(public_id="grt_a", target=target, scope=make_scope(parts).to_wire()), LATEST)
    assert "read -rs t;" in told[0].command.words
    return {step.title: shlex.split(" ".join(step.command.words)) for step in told[1:]}


def only(*operations: Operation, **limits: tuple[str, ...]) -> ResourceScope:
    return ResourceScope(MODEL, frozenset(operations), **limits)


@pytest.mark.parametrize(
    ("operation", "title", "last"),
    [
        (Operation.PROMOTE, "Point champion at version 7", 'set_registered_model_alias("Tiny-Llama", "champion", "7")'),
        (Operation.DELETE, "Delete version 7", 'delete_model_version("Tiny-Llama", "7")'),
        (Operation.ADMIN, "Delete Tiny-Llama as a whole", 'delete_registered_model("Tiny-Llama")'),
    ],
)
def test_each_operation_has_its_command(operation: Operation, title: str, last: str) -> None:
    told = steps(only(operation))
    assert told[title][-3:] == ["python3", "-c", f"from mlflow import MlflowClient; MlflowClient().{last}"]
    assert [name for name in told if not name.startswith("In Python")] == [title]


def test_commands_name_what_the_grant_is_limited_to() -> None:
    told = steps(only(Operation.PULL, Operation.PROMOTE, tags=("3", "live", "v*")))
    assert "models:/Tiny-Llama/3" in told["Download"]
    assert told["Point live at version 3"][-1].endswith('("Tiny-Llama", "live", "3")')
    assert "models:/Tiny-Llama/latest" in steps(only(Operation.PULL))["Download"]
    assert "models:/Tiny-Llama@live" in steps(only(Operation.PULL, tags=("live",)))["Download"]


def test_python_is_told_what_it_is_for() -> None:
    logging = ResourceScope("experiments/0", frozenset({Operation.PULL, Operation.PUSH}))
    assert list(steps(logging)) == ["In Python, for mlflow.pyfunc.log_model"]
    both = steps(logging, only(Operation.PUSH))
    assert list(both) == ["In Python, for mlflow.pyfunc.log_model, mlflow.register_model"]
    assert both.popitem()[1][-1] == "python3"

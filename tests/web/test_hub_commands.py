"""What a card says for a hub: a whole command for each thing that the grant allows, and no other."""

from __future__ import annotations

import shlex

import pytest

from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.grants.models import Grant
from jit_access.targets.models import Target, TargetKind
from jit_access.web.hub_commands import hub_steps

PYTHON = "In Python, for huggingface_hub"


def steps(*parts: ResourceScope) -> dict[str, list[str]]:
    """The words that a shell reads, by title, without the sign-in and where the token comes from."""
    target = Target(slug="hub", kind=TargetKind.HF)
    told = hub_steps(Grant(public_id="grt_a", target=target, scope=make_scope(parts).to_wire()))
    assert "read -rs t;" in told[0].command.words
    read = {step.title: shlex.split(" ".join(step.command.words)) for step in told[1:]}
    for words in read.values():
        assert any(word.startswith("HF_ENDPOINT=") for word in words)
        assert any(word.startswith("HF_TOKEN=$(cat ") for word in words)
    return {title: [word for word in words if not word.startswith("HF_")] for title, words in read.items()}


def only(*operations: Operation, name: str = "models/Org/Tiny", **limits: tuple[str, ...]) -> ResourceScope:
    return ResourceScope(name, frozenset(operations), **limits)


def test_administering_has_its_commands() -> None:
    assert steps(only(Operation.ADMIN)) == {
        "Create it, private": ["hf", "repos", "create", "Org/Tiny", "--private"],
        "Make it private": ["hf", "repos", "settings", "Org/Tiny", "--private"],
        "Delete it as a whole": ["hf", "repos", "delete", "Org/Tiny"],
        f"{PYTHON}: create_repo, update_repo_settings, delete_repo": ["python3"],
    }


def test_other_kinds_of_repositories_are_said_to_be_such() -> None:
    told = steps(only(Operation.ADMIN, name="spaces/Org/App"))
    assert told["Create it, private"] == (
        ["hf", "repos", "create", "Org/App", "--repo-type", "space", "--private", "--space-sdk", "static"]
    )
    assert steps(only(Operation.ADMIN, name="datasets/Org/Set"))["Delete it as a whole"][-2:] == [
        "--repo-type", "dataset",
    ]  # fmt: skip


def test_a_move_is_offered_between_names_that_the_grant_has() -> None:
    told = steps(
        only(Operation.ADMIN), only(Operation.ADMIN, name="models/Org/New"), only(Operation.PULL, name="models/x")
    )
    assert told["Move it to Org/New: models/Org/Tiny"] == ["hf", "repos", "move", "Org/Tiny", "Org/New"]
    other_kind = steps(only(Operation.ADMIN), only(Operation.ADMIN, name="datasets/Org/New"))
    assert not any(title.startswith("Move") for title in other_kind)


@pytest.mark.parametrize(
    "part", [only(Operation.ADMIN, tags=("main",)), only(Operation.ADMIN, name="models/gpt2"), only(Operation.PULL)]
)
def test_what_the_gateway_would_refuse_is_not_offered(part: ResourceScope) -> None:
    assert not any("repos" in words for words in steps(part).values())


def test_what_is_uploaded_is_a_folder_with_a_name() -> None:
    both = steps(only(Operation.PULL, Operation.PUSH))
    assert both["Upload the folder ./Tiny"] == ["hf", "upload", "Org/Tiny", "./Tiny", "."]
    assert both["Download"][-1] == "Tiny"
    pushed = steps(only(Operation.PUSH))["Upload the folder ./Tiny"]
    assert 'folder_path="./Tiny"' in pushed[-1]


def test_python_is_told_what_it_is_for() -> None:
    told = steps(only(Operation.PULL, Operation.PUSH))
    assert told[f"{PYTHON}: snapshot_download, upload_folder"] == ["python3"]

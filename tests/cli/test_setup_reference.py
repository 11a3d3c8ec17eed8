"""The reference of `jit setup` says what the code does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from jit_access.cli import workload
from jit_access.cli.arguments_helpers import TOOLS
from jit_access.cli.kinds import HF, MLFLOW, OCI, S3, Gateway, GrantToken, surroundings
from jit_access.cli.setups import plans
from jit_access.cli.setups.own_entries import Entry

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "jit-setup.md"
GATEWAY = Gateway("https://gateway.test")
HELD = GrantToken("grt_a", "prod", "lse_a", "jita_grant_a", "2026-11-24T00:00:00Z", "lse_a", "secret")


def rows(title: str) -> list[list[str]]:
    """The cells below a heading, without the table's own first lines."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def code(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def test_every_entry_stands_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DOCKER_CONFIG", "AWS_CONFIG_FILE", "KUBECONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    made: dict[str, tuple[Entry, ...]] = {
        plans.DOCKER: plans.docker_entries(GATEWAY),
        plans.AWS: plans.aws_entries(GATEWAY, "prod", address="https://jit.test"),
        HF: plans.hf_entries(GATEWAY, "prod", token_file=tmp_path),
        MLFLOW: plans.mlflow_entries(GATEWAY, "prod", token_file=tmp_path),
        plans.KUBE: plans.kube_entries("https://gateway.test", "prod", address="https://jit.test"),
    }
    assert made.keys() | {plans.SSH} == set(TOOLS)
    entries = [(tool, entry) for tool, several in made.items() for entry in several]
    told = [[f"`{tool}`", f"`{entry.path}`".replace(str(tmp_path), "~"), f"`{entry.name}`"] for tool, entry in entries]
    assert rows("Entries") == told


def test_every_variable_stands_there() -> None:
    told = []
    for kind in (OCI, HF, MLFLOW, S3):
        made = surroundings(kind, GATEWAY, HELD, "ada")
        told.append([f"`{kind}`", code(made.variables), code(made.without)])
    assert rows("Variables") == told


def test_every_way_to_sign_in_as_a_job_stands_there() -> None:
    found = rows("Signing in as a job")
    assert [row[0] for row in found] == [f"`{way}`" for way in workload.WAYS]
    text = " ".join(row[1] for row in found)
    assert {workload.GITLAB_VARIABLE, workload.KUBERNETES_FILE} <= {word.strip("`,") for word in text.split()}

"""Policy out of a git checkout: what was committed, at the revision that was said, and the checkout is left alone."""

from __future__ import annotations

import json
import os
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jit_access.audit.models import AuditEntry
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.git_tree import FromGit, checked_out
from jit_access.policies.loader import read_directory
from jit_access.policies.models import PolicyVersion
from tests.policies.samples import EXAMPLE, EXAMPLE_DIR


def git(checkout: Path, *arguments: str) -> str:
    person = {f"GIT_{role}_{part}": "t@example.test" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], "HOME": str(checkout), "GIT_CONFIG_GLOBAL": os.devnull} | person
    return subprocess.run(
        ["git", "-C", str(checkout), *arguments], check=True, capture_output=True, text=True, env=env
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two commits: the example, then one with a longer time, under `policies/`."""
    root = tmp_path / "rules"
    (root / "policies").mkdir(parents=True)
    git(root, "init", "-q")
    for path in EXAMPLE_DIR.iterdir():
        (root / "policies" / path.name).write_bytes(path.read_bytes())
    git(root, "add", "policies")
    git(root, "commit", "-qm", "first")
    git(root, "tag", "v1")
    people = root / "policies" / "people.cedar"
    people.write_text(people.read_text().replace('@lasts_at_most("8h")', '@lasts_at_most("6h")'))
    git(root, "commit", "-qam", "second")
    return root


def test_a_revision_is_read_and_the_work_tree_is_not(checkout: Path) -> None:
    (checkout / "policies" / "people.cedar").write_text("being edited")
    (checkout / ".git" / "hooks").mkdir(exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in checkout.rglob("*")}
    with checked_out(FromGit(checkout, "v1", "policies")) as first:
        assert read_directory(first.directory) == EXAMPLE
        assert first.commit == git(checkout, "rev-parse", "v1")
    with checked_out(FromGit(checkout, folder="policies/")) as second:
        assert '@lasts_at_most("6h")' in read_directory(second.directory).files["people.cedar"]
    assert not second.directory.exists()
    assert {path: path.stat().st_mtime_ns for path in checkout.rglob("*")} == before


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "-h", "v1:policies", "", "v1^{tree}"])
def test_what_is_no_commit_is_refused(checkout: Path, revision: str) -> None:
    with pytest.raises(PolicyBroken), checked_out(FromGit(checkout, revision, "policies")):
        pass


@pytest.mark.parametrize("folder", ["elsewhere", "../x", "--x", "policies/people.cedar"])
def test_what_is_no_folder_is_refused(checkout: Path, folder: str) -> None:
    with pytest.raises(PolicyBroken), checked_out(FromGit(checkout, "v1", folder)):
        pass


def test_a_link_is_refused_whatever_it_points_at(checkout: Path) -> None:
    (checkout / "policies" / "more.cedar").symlink_to("/etc/hostname")
    git(checkout, "add", "policies/more.cedar")
    git(checkout, "commit", "-qm", "third")
    with (
        pytest.raises(PolicyBroken, match=r"more\.cedar: is no plain file"),
        checked_out(FromGit(checkout, folder="policies")),
    ):
        pass


def test_what_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyBroken, match="not a git repository"), checked_out(FromGit(tmp_path)):
        pass


def test_the_checkouts_own_settings_run_nothing(checkout: Path, tmp_path: Path) -> None:
    script = tmp_path / "ran.sh"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "alias.ls-tree", "diff.external"):
        git(checkout, "config", name, str(script))
    with checked_out(FromGit(checkout, "v1", "policies")) as first:
        assert read_directory(first.directory) == EXAMPLE
    assert not (tmp_path / "ran").exists()


@pytest.mark.django_db
def test_the_commit_is_kept_with_the_version(checkout: Path) -> None:
    out = StringIO()
    call_command("policy", "load", git=checkout, revision="v1", folder="policies", stdout=out)
    version = PolicyVersion.objects.get()
    assert (version.commit, version.digest) == (git(checkout, "rev-parse", "v1"), EXAMPLE.digest)
    assert version.commit in AuditEntry.objects.get(kind="policy.activated").body


@pytest.mark.django_db
def test_check_and_test_take_a_revision_too(checkout: Path) -> None:
    out = StringIO()
    call_command("policy", "check", git=checkout, folder="policies", json=True, stdout=out)
    found = json.loads(out.getvalue())
    assert found["commit"] == git(checkout, "rev-parse", "HEAD")
    assert {one["severity"] for one in found["findings"]} == {"note"}
    call_command("policy", "test", git=checkout, folder="policies", stdout=out)
    with pytest.raises(CommandError, match="Something is wrong"):
        call_command("policy", "check", git=checkout, folder="policies", fail_on="note", stdout=out)

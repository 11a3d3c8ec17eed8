from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jit_access.domain.operations import Tier
from jit_access.policies import selectors
from jit_access.targets.models import Repository, Target
from tests.policies.samples import EXAMPLE, EXAMPLE_DIR, permit
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("policy", *arguments, stdout=out)
    return out.getvalue()


def test_the_example_loads_and_is_shown() -> None:
    with pytest.raises(CommandError, match="No policy is loaded"):
        run("show")
    assert "Policy version 1 counts now" in run("load", str(EXAMPLE_DIR))
    assert '@id("research-critical")' in run("show")


def test_check_changes_nothing() -> None:
    assert "12 rules in 3 files, nothing wrong" in run("check", str(EXAMPLE_DIR))
    assert selectors.active_version() is None


def test_check_says_where_file_rules_do_not_bind() -> None:
    out = run("check", str(EXAMPLE_DIR))
    assert "Rule agents-standard refuses kinds of files. It does not bind at OCI registries" in out
    assert "Rule research-standard refuses" not in out


def test_check_names_every_problem(tmp_path: Path) -> None:
    (tmp_path / "schema.cedarschema").write_text(EXAMPLE.schema)
    (tmp_path / "a.cedar").write_text(permit("one", '@lasts_at_most("1x")') + permit("two", "@lasts_at_mst"))
    with pytest.raises(CommandError) as caught:
        run("check", str(tmp_path))
    assert "a.cedar: rule one" in str(caught.value)
    assert "a.cedar: rule two" in str(caught.value)


def test_check_points_at_doors_that_are_open_to_everybody(tmp_path: Path) -> None:
    (tmp_path / "schema.cedarschema").write_text(EXAMPLE.schema)
    (tmp_path / "a.cedar").write_text(
        permit("wide") + permit("narrow", scope='principal in Group::"x", action, resource')
    )
    out = run("check", str(tmp_path))
    assert "a.cedar:1: rule wide: warning: Rule wide opens something to everybody" in out
    assert "Rule narrow opens" not in out


def test_check_says_what_an_older_schema_keeps_closed(tmp_path: Path) -> None:
    (tmp_path / "schema.cedarschema").write_text(EXAMPLE.schema.replace(", promote, admin", ""))
    (tmp_path / "a.cedar").write_text(permit("narrow", scope='principal in Group::"x", action, resource'))
    assert "The schema does not name promote, so nobody can be allowed it." in run("check", str(tmp_path))
    assert "does not name" not in run("check", str(EXAMPLE_DIR))


def test_files_that_cannot_be_read_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"no \.cedar file"):
        run("check", str(tmp_path))
    (tmp_path / "a.cedar").write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="cannot be read"):
        run("check", str(tmp_path))


def test_explain_says_why_and_why_not(cast: Cast) -> None:
    run("load", str(EXAMPLE_DIR))
    target = Target.objects.create(slug="demo-registry", display_name="Demo", base_url="https://registry.example")
    Repository.objects.create(target=target, name="llm/tiny", tier=Tier.SENSITIVE)
    out = run("explain", "ada", "pull", "demo-registry/llm/tiny", "--lasts", "4h")
    assert out.startswith("Allowed: granted.")
    assert "rule research-sensitive matches. At most 14400 s, 1 of model-owners." in out
    assert "Refused: lasts-too-long" in run("explain", "ada", "pull", "demo-registry/llm/tiny", "--lasts", "5h")
    out = run("explain", "cleo", "pull", "demo-registry/llm/tiny")
    assert out.startswith("Refused: no-rule-allows.")
    assert "rule research-sensitive would need: who asks: group research" in out
    with pytest.raises(CommandError, match="no such account"):
        run("explain", "nobody", "pull", "demo-registry/llm/tiny")

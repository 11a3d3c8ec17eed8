"""Searching on Request access in a browser: what was typed and chosen stays while the list changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from jit_access.domain.operations import Tier
from jit_access.targets.models import Repository, Target, TargetKind
from tests.e2e.conftest import Visitor
from tests.support.lifecycles import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_the_list_changes_under_what_was_filled_in(world: World, visit: Callable[..., Visitor]) -> None:
    hub = Target.objects.create(slug="hub", kind=TargetKind.HF, display_name="Hub", base_url="https://hub.example")
    Repository.objects.bulk_create(
        Repository(public_id=f"rpo_m{n}", target=hub, name=f"models/llama/v{n:04}", tier=Tier.STANDARD)
        for n in range(100)
    )
    visitor = visit(world.cast.ada)
    page = visitor.go("/requests/new")
    chosen = page.locator("[name=resource]:checked")
    page.fill("[name=purpose]", "Typed before the search")
    page.get_by_text("llm/tiny-llama").first.click()
    expect(page.get_by_text("One person decides")).to_be_visible()
    page.fill("[data-search]", "v0012")
    expect(page.locator("#choices").get_by_text("models/llama/v0012")).to_be_visible()
    expect(page.locator("[data-search]")).to_be_focused()
    page.fill("[data-search]", "llama")
    expect(page.get_by_text("1 to 20 of 101 that match, nearest first.")).to_be_visible()
    page.get_by_text("Show 20 more").click()
    expect(page.get_by_text("21 to 40 of 101 that match, nearest first.")).to_be_visible()
    assert "start=20" in page.url
    assert chosen.count() == 1
    assert page.input_value("[name=purpose]") == "Typed before the search"
    page.get_by_text("models/llama/v0030").click()
    expect(page.get_by_text("Nobody has to approve")).to_be_visible()
    assert chosen.input_value() == "rpo_m30"
    assert visitor.complaints == []

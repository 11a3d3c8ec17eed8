"""Search over all targets: what is found, in which order, and that a page can go on after any row."""

from __future__ import annotations

import pytest

from jit_access.access_requests.catalogue import by_name, search
from jit_access.domain.operations import Tier
from jit_access.targets.models import Repository, Target, TargetKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(db: None) -> dict[str, Repository]:
    found = {}
    for slug, kind, names in (
        ("hub", TargetKind.HF, ("models/meta/llama", "models/meta/llama-chat", "models/other/whale")),
        ("prod-registry", TargetKind.OCI, ("llama", "llm/llama", "llm/my-llama", "tools/base_image", "tools/100%")),
    ):
        target = Target.objects.create(slug=slug, kind=kind, display_name=slug, base_url=f"https://{slug}.example")
        for name in names:
            row = Repository.objects.create(target=target, name=name, tier=Tier.STANDARD, description="Seventy Billion")
            found[f"{slug}/{name}"] = row
    found["hub/models/other/whale"].description = "Larger than a llama"
    found["hub/models/other/whale"].save()
    return found


def found(query: str) -> list[str]:
    return [f"{row.target.slug}/{row.name}" for row in search(Repository.objects.all(), query)]


@pytest.mark.usefixtures("rows")
def test_the_nearest_come_first() -> None:
    assert found("llama") == [
        "prod-registry/llama",  # exactly this
        "hub/models/meta/llama",  # a last part that begins with it, by name
        "hub/models/meta/llama-chat",
        "prod-registry/llm/llama",
        "prod-registry/llm/my-llama",  # somewhere in the name
        "hub/models/other/whale",  # only in the description
    ]
    assert found("hub/models/meta/llama")[0] == "hub/models/meta/llama"
    assert found("LLM/")[:2] == ["prod-registry/llm/llama", "prod-registry/llm/my-llama"]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("query", "count"),
    [("", 8), ("billion", 7), ("seventy  llm", 2), ("prod-registry", 5), ("meta llama", 2), ("prod-registry/llm", 2)],
)
def test_each_word_has_to_occur(query: str, count: int) -> None:
    assert len(found(query)) == count


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("query", ["mistral", "llama mistral", "other-registry/llm", "a%b", "\\", "x\x00"])
def test_what_does_not_match_is_not_found(query: str) -> None:
    assert found(query) == []


@pytest.mark.usefixtures("rows")
def test_signs_of_patterns_mean_themselves() -> None:
    assert found("%") == ["prod-registry/tools/100%"]
    assert found("e_i") == ["prod-registry/tools/base_image"]


def test_what_is_gone_is_not_found(rows: dict[str, Repository]) -> None:
    Repository.objects.filter(name__contains="llama").update(gone_at=rows["hub/models/other/whale"].created_at)
    assert found("llama") == ["hub/models/other/whale"]
    assert len(by_name(Repository.objects.all())) == 8


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("query", ["", "llama"])
def test_a_place_is_different_for_each_and_in_order(query: str) -> None:
    places = [row.place for row in search(Repository.objects.all(), query)]  # type: ignore[attr-defined]  # annotated
    assert len(set(places)) == len(places)
    for place, row in zip(places, search(Repository.objects.all(), query), strict=True):
        after = search(Repository.objects.all(), query).filter(place__gt=place)
        assert [one.place for one in after] == places[places.index(place) + 1 :], row  # type: ignore[attr-defined]

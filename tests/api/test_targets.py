from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.operations import Tier
from jit_access.policies.services import load_policy
from jit_access.targets.models import Repository, Target, TargetKind
from tests.api.caller import ROOT, Caller
from tests.connectors.real_registry import PASSWORD, USERNAME, RealRegistry, real_registry
from tests.support.cast import Cast
from tests.support.processes import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("registry"), needs_password=True) as running:
        running.push("llm/tiny-llama", "v1", b"weights")
        yield running


@pytest.fixture
def target(cast: Cast, registry: RealRegistry) -> Target:
    assert Caller(cast.ben).post("/targets", described(registry)).status_code == 201
    return Target.objects.get()


def described(registry: RealRegistry, **changed: Any) -> dict[str, Any]:
    body = {
        "slug": "prod-registry",
        "display_name": "Production weights",
        "base_url": registry.base_url,
        "username": USERNAME,
        "password": PASSWORD,
        "allow_private": True,
    }
    return body | changed


def send(caller: Caller, method: str, path: str, body: dict[str, Any]) -> Any:
    call = getattr(caller.client, method)
    return call(ROOT + path, json.dumps(body), content_type="application/json", headers=caller.headers)


def kinds() -> list[str]:
    return list(AuditEntry.objects.order_by("seq").values_list("kind", flat=True))


def test_an_operator_with_a_fresh_factor_adds_a_target(cast: Cast, registry: RealRegistry) -> None:
    answer = Caller(cast.ben).post("/targets", described(registry))
    assert answer.status_code == 201
    assert answer.json()["health"] == "reachable"
    assert answer.json()["managed"]["has_password"] is True
    assert PASSWORD not in answer.content.decode()


def test_an_operator_names_the_places_beside_a_target(cast: Cast, target: Target) -> None:
    named = {"token_origins": ["https://auth.example"], "redirect_origins": ["https://cdn.example/"]}
    answer = send(Caller(cast.ben), "put", "/targets/prod-registry/origins", named)
    assert answer.status_code == 200
    assert answer.json()["managed"]["token_origins"] == ["https://auth.example"]
    assert answer.json()["managed"]["redirect_origins"] == ["https://cdn.example"]
    stale = send(Caller(cast.ben, factor="stale"), "put", "/targets/prod-registry/origins", named)
    assert (stale.status_code, stale.json()["code"]) == (403, "second-factor-stale")


@pytest.mark.parametrize(
    "changed",
    [
        {"token_origins": ["https://auth.example/path"]},
        {"token_origins": "https://auth.example"},
        {"redirect_origins": [f"https://s{number}.example" for number in range(9)]},
        {"redirect_origins": [None]},
        {"redirect_origins": None},
        {"redirect_origins": {"https://a.example": 1}},
    ],
)
def test_places_that_cannot_be_named_are_told(cast: Cast, target: Target, changed: dict[str, Any]) -> None:
    named = {"token_origins": [], "redirect_origins": []} | changed
    answer = send(Caller(cast.ben), "put", "/targets/prod-registry/origins", named)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")


def test_a_stale_factor_is_asked_for_again(cast: Cast, registry: RealRegistry) -> None:
    answer = Caller(cast.ben, factor="stale").post("/targets", described(registry))
    assert (answer.status_code, answer.json()["code"]) == (403, "second-factor-stale")
    assert Target.objects.count() == 0
    assert "step-up.asked" in kinds()


@pytest.mark.parametrize("who", ["ada", "cleo", "dora", "ci_bot"])
def test_whoever_is_no_operator_finds_nothing_to_change(
    cast: Cast, registry: RealRegistry, target: Target, who: str
) -> None:
    caller = Caller(getattr(cast, who))
    repository = Repository.objects.create(target=target, name="tools/base")
    answers = [
        send(caller, "post", "/targets", described(registry, slug="mine")),
        send(caller, "post", "/targets/prod-registry/check", {}),
        send(caller, "post", "/targets/prod-registry/discover", {}),
        send(caller, "put", "/targets/prod-registry/credential", {"username": "x", "password": "y"}),
        send(caller, "put", "/targets/prod-registry/origins", {"token_origins": [], "redirect_origins": []}),
        send(caller, "delete", "/targets/prod-registry", {}),
        send(caller, "patch", f"/repositories/{repository.public_id}", {"tier": "standard"}),
    ]
    unknown = send(Caller(cast.ben), "post", "/targets/no-such-target/check", {})
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    for answer in answers:
        assert answer.json()["code"] == unknown.json()["code"]
        assert answer.json()["detail"] == unknown.json()["detail"]
    assert kinds().count("target.management-refused") == len(answers)
    repository.refresh_from_db()
    assert repository.tier == Tier.CRITICAL


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"password": "wrong"}, 502, "upstream-refused-credential"),
        ({"base_url": f"http://127.0.0.1:{free_port()}"}, 502, "upstream-away"),
        ({"base_url": "http://user:pass@127.0.0.1"}, 400, "invalid-input"),
        ({"slug": "Not A Slug"}, 400, "invalid-input"),
        ({"sealed_password": "x"}, 400, "invalid-input"),
        ({"is_demo": True}, 400, "invalid-input"),
        ({"slug": None}, 400, "invalid-input"),
        ({"password": ["x"]}, 400, "invalid-input"),
    ],
)
def test_what_cannot_be_a_target_is_told_and_not_kept(
    cast: Cast, registry: RealRegistry, changed: dict[str, Any], status: int, code: str
) -> None:
    answer = Caller(cast.ben).post("/targets", described(registry, **changed))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert PASSWORD not in answer.content.decode()
    assert Target.objects.count() == 0


def test_targets_are_seen_and_only_by_operators_their_addresses(cast: Cast, target: Target) -> None:
    load_policy(actor=GATEWAY, directory=Path(settings.POLICY_DIR))
    assert Caller(cast.ben).get("/targets/prod-registry").json()["managed"]["base_url"] == target.base_url
    seen = Caller(cast.ada).get("/targets/prod-registry")
    assert seen.status_code == 200
    assert seen.json()["managed"] is None
    listed = Caller(cast.ada).get("/targets")
    assert [row["slug"] for row in listed.json()["results"]] == ["prod-registry"]
    for answer in (seen, listed):
        assert target.base_url not in answer.content.decode()
        assert USERNAME not in answer.content.decode()


def test_nobody_sees_targets_without_signing_in(cast: Cast, target: Target) -> None:
    assert Caller(cast.ada).get("/targets").status_code == 200
    assert Caller(cast.ada, factor="none").get("/targets").json()["code"] == "second-factor-missing"
    anonymous = Caller(cast.ci_bot)
    anonymous.headers = {}
    assert anonymous.get("/targets").status_code == 401


def test_check_discover_and_tier(cast: Cast, target: Target) -> None:
    ben = Caller(cast.ben)
    assert ben.post("/targets/prod-registry/check").json()["health"] == "reachable"
    found = ben.post("/targets/prod-registry/discover")
    assert found.status_code == 200
    assert found.json()["added"] == 1
    (row,) = ben.get("/targets/prod-registry/repositories").json()["results"]
    assert (row["repository"], row["tier"], row["latest_tag"]) == ("llm/tiny-llama", "critical", "v1")
    changed = send(ben, "patch", f"/repositories/{row['id']}", {"tier": "sensitive", "description": "A small one"})
    assert (changed.status_code, changed.json()["tier"], changed.json()["description"]) == (
        200,
        "sensitive",
        "A small one",
    )
    stale = send(Caller(cast.ben, factor="stale"), "patch", f"/repositories/{row['id']}", {"tier": "standard"})
    assert (stale.status_code, stale.json()["code"]) == (403, "second-factor-stale")
    assert send(ben, "patch", f"/repositories/{row['id']}", {"tier": "public"}).status_code == 400
    assert send(ben, "patch", f"/repositories/{row['id']}", {"target": 1}).status_code == 400


def test_a_credential_is_replaced_only_by_one_that_works(cast: Cast, target: Target) -> None:
    ben = Caller(cast.ben)
    before = target.sealed_password
    wrong = send(ben, "put", "/targets/prod-registry/credential", {"username": USERNAME, "password": "wrong"})
    assert (wrong.status_code, wrong.json()["code"]) == (502, "upstream-refused-credential")
    target.refresh_from_db()
    assert target.sealed_password == before
    right = send(ben, "put", "/targets/prod-registry/credential", {"username": USERNAME, "password": PASSWORD})
    assert right.status_code == 200
    target.refresh_from_db()
    assert target.sealed_password != before


def test_a_target_is_removed(cast: Cast, target: Target) -> None:
    assert send(Caller(cast.ben, factor="stale"), "delete", "/targets/prod-registry", {}).status_code == 403
    assert send(Caller(cast.ben), "delete", "/targets/prod-registry", {}).status_code == 204
    assert Target.objects.count() == 0


@pytest.fixture
def catalogue(cast: Cast) -> None:
    load_policy(actor=GATEWAY, directory=Path(settings.POLICY_DIR))
    target = Target.objects.create(slug="demo-registry", display_name="Demo", base_url="https://registry.example")
    for name, tier in (("llm/frontier", "critical"), ("llm/tiny-llama", "sensitive"), ("tools/base-image", "standard")):
        Repository.objects.create(target=target, name=name, tier=tier)


def pulls(caller: Caller, **query: str) -> dict[str, dict[str, Any]]:
    """What the catalogue says about pulling, by repository."""
    rows = caller.get("/catalogue", **query).json()["results"]
    return {row["repository"]: next(one for one in row["operations"] if one["operation"] == "pull") for row in rows}


@pytest.mark.usefixtures("catalogue")
def test_the_catalogue_says_what_may_be_asked_and_who_decides(cast: Cast) -> None:
    seen = pulls(Caller(cast.ada))
    assert {name: one["is_open"] for name, one in seen.items()} == dict.fromkeys(seen, True)
    assert seen["tools/base-image"]["decided_by"] == []
    assert seen["tools/base-image"]["reason"] == "no-approval-needed"
    assert seen["llm/frontier"]["decided_by"] == [
        {"stage": 1, "group": "model-owners", "needed": 1, "available": 1},
        {"stage": 1, "group": "security", "needed": 1, "available": 1},
    ]
    assert seen["llm/frontier"]["lasts_at_most_s"] == 7200
    auditor = pulls(Caller(cast.dora))
    assert list(auditor) == list(seen)
    assert {one["reason"] for one in auditor.values()} == {"no-rule-allows"}
    agent = pulls(Caller(cast.ci_bot))
    assert {name: one["is_open"] for name, one in agent.items()} == {"llm/tiny-llama": True, "tools/base-image": True}
    assert pulls(Caller(cast.cleo)) == {}


@pytest.mark.usefixtures("catalogue")
def test_the_catalogue_names_what_each_kind_of_target_has(cast: Cast) -> None:
    hub = Target.objects.create(slug="hub", display_name="Hub", base_url="https://hub.example", kind=TargetKind.HF)
    Repository.objects.create(target=hub, name="models/tiny", tier="sensitive")
    rows = {row["repository"]: row["operations"] for row in Caller(cast.ben).get("/catalogue").json()["results"]}
    assert {name: [one["operation"] for one in told] for name, told in rows.items()} == {
        "llm/frontier": ["pull", "push", "delete"],
        "llm/tiny-llama": ["pull", "push", "delete"],
        "models/tiny": ["pull", "push", "delete", "admin"],
        "tools/base-image": ["pull", "push", "delete"],
    }
    [admin] = [one for one in rows["models/tiny"] if one["operation"] == "admin"]
    assert (admin["is_open"], [step["group"] for step in admin["decided_by"]]) == (True, ["security"])


@pytest.mark.usefixtures("catalogue")
def test_the_catalogue_is_searched(cast: Cast) -> None:
    assert list(pulls(Caller(cast.ada), q="tiny")) == ["llm/tiny-llama"]
    assert list(pulls(Caller(cast.ada), q="nothing like it")) == []


@pytest.mark.usefixtures("catalogue")
def test_nobody_counts_as_their_own_decider(cast: Cast) -> None:
    cast.ada.groups.set([*cast.ada.groups.all(), *cast.ben.groups.filter(name="model-owners")])
    one = pulls(Caller(cast.ada))["llm/tiny-llama"]
    assert one["decided_by"] == [{"stage": 1, "group": "model-owners", "needed": 1, "available": 1}]
    bot = pulls(Caller(cast.ci_bot))["llm/tiny-llama"]
    assert bot["decided_by"] == [{"stage": 1, "group": "model-owners", "needed": 1, "available": 1}]
    assert pulls(Caller(cast.ben))["llm/tiny-llama"]["reason"] == "no-rule-allows"


def test_owners_are_named_by_operators_and_never_by_themselves(cast: Cast, target: Target) -> None:
    ben, path = Caller(cast.ben), "/targets/prod-registry/owners"
    assert send(ben, "put", path, {"group": "model-owners", "people": ["cleo"]}).json() == {
        "group": "model-owners", "people": ["cleo"],
    }  # fmt: skip
    assert ben.get(path).json()["people"] == ["cleo"]
    own = send(ben, "put", path, {"group": "", "people": ["ben"]})
    assert (own.status_code, own.json()["code"]) == (403, "own-rights")
    assert send(ben, "put", path, {"group": "", "people": ["nobody-here"]}).status_code == 400
    assert send(Caller(cast.ada), "put", path, {"group": "", "people": []}).status_code == 404
    assert ben.get(path).json()["people"] == ["cleo"]
    assert "target.owners-named" in kinds()

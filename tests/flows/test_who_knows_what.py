"""Every door to the catalogue, for everybody: what one may not know looks exactly as what does not exist.

Each door is opened for a name that is known (the twin: it has to be there), for one that is hidden and for one that
nobody ever used. The last two give the same bytes, after the name itself, and the same queries and questions of policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from jit_access.access_requests import services
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.core.ids import new_id
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import NotFound
from jit_access.domain.operations import Tier
from jit_access.policies.compiler import CompiledPolicy
from jit_access.policies.services import load_policy
from jit_access.targets.models import Repository, Target, TargetKind
from tests.api.caller import ROOT, Caller, wish
from tests.support.cast import Cast, join, make_person
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, ask, fresh, make_world, scope_of

pytestmark = pytest.mark.django_db
SECRET = "vault/merger-model"  # alone at a target of its own
GUESTS = """
@id("guests-know") permit (principal in Group::"guests", action == Action::"know", resource in Tier::"standard");
@id("guests-pull") @lasts_at_most("1h")
permit (principal in Group::"guests", action == Action::"pull", resource in Tier::"sensitive");
"""
RESEARCH = """
@id("research") @lasts_at_most("1h") @approvals("1 of model-owners")
permit (principal in Group::"research", action, resource);
"""
# By name and target: whoever is missing here may not know it.
KNOWN = {
    "ada": {BASE, TINY, FRONTIER, SECRET},
    "ben": {BASE, TINY, FRONTIER, SECRET},
    "cleo": set(),
    "dora": {BASE, TINY, FRONTIER, SECRET},
    "ci_bot": {BASE, TINY},
    "gil": {BASE, TINY},
}
PEOPLE = tuple(who for who in KNOWN if who != "ci_bot")


@dataclass(frozen=True, slots=True)
class Site:
    world: World
    people: dict[str, User]

    def row(self, name: str) -> Repository:
        return Repository.objects.select_related("target").get(name=name)


@pytest.fixture
def site(cast: Cast, tmp_path: Path) -> Site:
    world = make_world(cast)
    for path in Path(settings.POLICY_DIR).iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "guests.cedar").write_text(GUESTS)
    load_policy(actor=GATEWAY, directory=tmp_path)
    hidden = Target.objects.create(slug="vault", display_name="Vault", base_url="https://v.example", kind=TargetKind.HF)
    Repository.objects.create(target=hidden, name=SECRET, tier=Tier.CRITICAL, description="Nobody hears of it")
    Group.objects.create(name="guests")
    gil = make_person("gil", "guests")
    return Site(world, {who: getattr(cast, who) for who in KNOWN if who != "gil"} | {"gil": gil})


@dataclass(frozen=True, slots=True)
class Sought:
    """A name as somebody would say it, whether it is there or not."""

    target: str
    name: str
    public_id: str
    target_id: str


def sought(row: Repository) -> Sought:
    return Sought(row.target.slug, row.name, row.public_id, row.target.public_id)


def unknown_twin(of: Sought) -> Sought:
    """Of the same length and at the same target, unless the target is hidden with it: then that is unknown too."""
    target = of.target if Repository.objects.filter(target__slug=of.target).count() > 1 else "vaunt"
    target_id = of.target_id if target == of.target else new_id("tgt")
    return Sought(target, of.name[:-1] + "0", new_id("rpo"), target_id)


def plain(body: bytes, seek: Sought) -> str:
    """Without what is different each time, and without what was typed."""
    text = body.decode()
    for said in (seek.public_id, seek.name, seek.name.replace("/", "%2F"), seek.target_id, f'"{seek.target}"'):
        text = text.replace(said, "…")
    text = text.replace(f"{seek.target}/", "…/").replace(f"{seek.target}%2F", "…/")
    text = re.sub(r'(name="csrfmiddlewaretoken" value=|nonce=|name="idempotency_key" value=)"[^"]*"', r"\1", text)
    return re.sub(r"req_[a-z2-7]{20}|[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.]+Z|\d\d:\d\d:\d\d", "…", text)


def web(method: str, path: str, **sent: str) -> Callable[[Client | Caller, Sought], Any]:
    def open_door(client: Any, seek: Sought) -> Any:
        filled = {name: value.format(s=seek) for name, value in sent.items()}
        return getattr(client, method)(path.format(s=seek), filled)

    return open_door


def wished(seek: Sought) -> dict[str, Any]:
    return wish(seek.name, target=seek.target)


def previewed(caller: Caller, seek: Sought) -> Any:
    return caller.post("/requests/preview", {name: value for name, value in wished(seek).items() if name != "purpose"})


FORM = {"resource": "{s.public_id}", "operations": "pull", "lasts_s": "3600", "idempotency_key": "k", "purpose": "Why"}
WEB_DOORS: dict[str, Callable[[Any, Sought], Any]] = {
    "list": web("get", "/requests/new"),
    "search": web("get", "/requests/new", q="{s.name}"),
    "search with target": web("get", "/requests/new", q="{s.target}/{s.name}"),
    "chosen": web("get", "/requests/new", resource="{s.public_id}"),
    "link": web("get", "/request", resource="{s.target}/{s.name}", operation="pull"),
    "preview": web("post", "/requests/preview", **FORM),
    "check": web("post", "/requests/new", **FORM),
    "send": web("post", "/requests/new", send="1", **FORM),
}
API_DOORS: dict[str, Callable[[Any, Sought], Any]] = {
    "catalogue": lambda caller, _seek: caller.get("/catalogue"),
    "search": lambda caller, seek: caller.get("/catalogue", q=seek.name),
    "target": lambda caller, seek: caller.get(f"/targets/{seek.target}"),
    "target by id": lambda caller, seek: caller.get(f"/targets/{seek.target_id}"),
    "target's repositories": lambda caller, seek: caller.get(f"/targets/{seek.target}/repositories"),
    "targets": lambda caller, _seek: caller.get("/targets"),
    "preview": previewed,
    "preview by id": lambda caller, seek: caller.post("/requests/preview", wish(seek.name, target=seek.target_id)),
    "send": lambda caller, seek: caller.post("/requests", wished(seek)),
    "send with a key": lambda caller, seek: caller.post("/requests", wished(seek), key="k-1"),
    "change": lambda caller, seek: caller.client.patch(
        f"{ROOT}/repositories/{seek.public_id}", "{}", content_type="application/json", headers=caller.headers
    ),
}


@contextmanager
def work() -> Iterator[list[str]]:
    """What was done meanwhile: the queries without their values, and how often policy was asked."""
    done: list[str] = []
    asked = [0]
    ask_once = CompiledPolicy.ask

    def counted(policy: CompiledPolicy, question: Any) -> Any:
        asked[0] += 1
        return ask_once(policy, question)

    with pytest.MonkeyPatch.context() as patch, CaptureQueriesContext(connection) as queries:
        patch.setattr(CompiledPolicy, "ask", counted)
        yield done
    done.extend(
        re.sub(r"'(?:[^']|'')*'|\b\d+\b|\"s\d+_x\d+\"", "?", query["sql"]) for query in queries.captured_queries
    )
    done.append(f"policy asked {asked[0]} times")


HIDDEN = [(who, name) for who in KNOWN for name in (BASE, TINY, FRONTIER, SECRET) if name not in KNOWN[who]]


@pytest.mark.parametrize(("who", "name"), HIDDEN)
def test_hidden_is_unknown_at_every_door(site: Site, client_for: Callable[..., Client], who: str, name: str) -> None:
    row, caller = site.row(name), Caller(site.people[who])
    for door, knock in API_DOORS.items():
        same_for_both(f"api: {door}", row, caller, knock)
    if who in PEOPLE:
        for door, knock in WEB_DOORS.items():
            same_for_both(f"page: {door}", row, client_for(site.people[who]), knock)


def same_for_both(where: str, row: Repository, client: Any, door: Callable[[Any, Sought], Any]) -> None:
    hidden = sought(row)
    unknown = unknown_twin(hidden)
    _ = door(client, unknown), door(client, hidden)  # what is looked up once per process is not what is compared
    answers, done = [], []
    for seek in (hidden, unknown):
        with work() as did:
            answers.append(door(client, seek))
        done.append(did)
    first, second = (plain(answer.content, seek) for answer, seek in zip(answers, (hidden, unknown), strict=True))
    assert answers[0].status_code == answers[1].status_code, where
    assert first == second, where
    assert (row.description or row.name) not in first, where
    headers = [{**answer.headers} for answer in answers]
    places = [
        plain(one.pop("Location", "").encode(), seek) for one, seek in zip(headers, (hidden, unknown), strict=True)
    ]
    assert places[0] == places[1], where
    assert done[0] == done[1], where


@pytest.mark.parametrize("who", KNOWN)
def test_everybody_finds_exactly_what_they_may_know(site: Site, client_for: Callable[..., Client], who: str) -> None:
    """The twin of all of the above, and no count says more."""
    rows = {row.name: sought(row) for row in Repository.objects.select_related("target")}
    caller = Caller(site.people[who])
    listed = caller.get("/catalogue").json()["results"]
    assert {row["repository"] for row in listed} == KNOWN[who]
    targets = {rows[name].target for name in KNOWN[who]}
    assert {row["slug"] for row in caller.get("/targets").json()["results"]} == targets
    for name, seek in rows.items():
        is_known = name in KNOWN[who]
        assert (caller.get(f"/targets/{seek.target}").status_code == 200) == (seek.target in targets)
        held = caller.get(f"/targets/{seek.target}/repositories").json()
        assert (name in {row["repository"] for row in held.get("results", ())}) == is_known
        assert (API_DOORS["preview"](caller, seek).status_code == 200) == is_known
        assert (API_DOORS["send"](caller, seek).status_code != 404) == is_known
        assert (len(caller.get("/catalogue", q=name).json()["results"]) == 1) == is_known
        if who in PEOPLE:
            pages_tell(client_for(site.people[who]), seek, is_known=is_known)
    if who in PEOPLE:
        page = client_for(site.people[who]).get("/requests/new").content.decode()
        count = len(KNOWN[who])
        assert f"{count} of {count} repositories." in page or (not count and "nothing here that you may ask" in page)
        log = client_for(site.people[who]).get("/activity").content.decode()
        assert {slug for slug in ("demo-registry", "vault") if f'<option value="{slug}"' in log} == targets


def pages_tell(client: Client, seek: Sought, *, is_known: bool) -> None:
    assert (seek.public_id in client.get("/requests/new").content.decode()) == is_known
    assert (seek.public_id in client.get("/requests/new", {"q": seek.name}).content.decode()) == is_known
    assert ("resource=rpo_" in WEB_DOORS["link"](client, seek)["Location"]) == is_known
    assert (f'value="{seek.public_id}" checked' in WEB_DOORS["check"](client, seek).content.decode()) == is_known
    assert (WEB_DOORS["send"](client, seek).status_code == 422) == (not is_known)


def refusals() -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.filter(kind="catalogue.refused").order_by("seq")
    return list(rows.values_list("reason", "target", "repository"))


def test_each_attempt_leaves_a_record_of_what_was_typed(site: Site, client_for: Callable[..., Client]) -> None:
    secret = sought(site.row(SECRET))
    cleo = Caller(site.people["cleo"])
    for seek in (secret, unknown_twin(secret)):
        assert cleo.post("/requests", wished(seek)).status_code == 404
        assert cleo.get(f"/targets/{seek.target}").status_code == 404
    assert refusals() == [
        ("not-found", "vault", SECRET),
        ("not-found", "vault", ""),
        ("not-found", "vaunt", SECRET[:-1] + "0"),
        ("not-found", "vaunt", ""),
    ]
    WEB_DOORS["send"](client_for(site.people["cleo"]), secret)
    assert SECRET not in AuditEntry.objects.order_by("-seq")[0].body


def test_a_first_push_is_refused_like_a_push_to_what_is_hidden(site: Site) -> None:
    bodies = []
    for name in (FRONTIER, "llm/frontie0"):
        body = wish(name, resources=[{"repository": name, "operations": ["push"]}])
        answer = Caller(site.people["gil"]).post("/requests", body)
        bodies.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
        assert Caller(site.people["ada"]).post("/requests", body).status_code == 201
    assert bodies[0] == bodies[1] == (404, "not-found", "There is nothing here that you may see.")


def test_one_hidden_name_among_known_ones_hides_all(site: Site) -> None:
    def asked(who: str, *names: str) -> int:
        parts = [{"repository": name, "operations": ["pull"]} for name in names]
        return int(Caller(site.people[who]).post("/requests", wish(resources=parts)).status_code)

    assert asked("gil", TINY) == 201
    assert asked("gil", BASE, TINY) == 403  # known, and no rule opens it
    assert asked("gil", BASE, FRONTIER) == 404
    assert asked("gil", BASE, "llm/frontie0") == 404


def test_what_one_asked_for_stays_known(site: Site, client_for: Callable[..., Client]) -> None:
    gil = site.people["gil"]
    body, caller = wish(TINY), Caller(gil)
    first = caller.post("/requests", body, key="k-1")
    gil.groups.clear()
    assert {row["repository"] for row in caller.get("/catalogue").json()["results"]} == {TINY}
    assert caller.post("/requests", body, key="k-1").json()["id"] == first.json()["id"]
    again = client_for(gil).get("/requests/new", {"again": first.json()["id"]})
    assert site.row(TINY).public_id in again.content.decode()
    for name in (BASE, "llm/n0ne"):  # a key says what was sent with it before, and of no name whether it is there
        assert caller.post("/requests", wish(name), key="k-1").status_code == 409
        assert caller.post("/requests", wish(name), key=f"k-{name}".replace("/", "-")).status_code == 404


def test_an_owner_knows_what_the_agent_asked_for(site: Site) -> None:
    join(site.people["cleo"], "guests")
    agent = site.people["ci_bot"]
    agent.owner = site.people["cleo"]
    agent.save()
    ask(site.world, BASE, actor=agent)
    site.people["cleo"].groups.clear()
    listed = Caller(site.people["cleo"]).get("/catalogue").json()["results"]
    assert {row["repository"] for row in listed} == {BASE}


def test_an_approver_knows_what_they_are_asked_about_while_they_are(site: Site, tmp_path: Path) -> None:
    """Approvers who hold no role, and whom no rule lets know anything."""
    site.people["cleo"].groups.add(*site.people["ben"].groups.filter(name="model-owners"))
    (tmp_path / "knowing.cedar").unlink()
    (tmp_path / "people.cedar").write_text(RESEARCH)
    load_policy(actor=GATEWAY, directory=tmp_path)
    request = ask(site.world, FRONTIER)
    cleo = Caller(site.people["cleo"])
    assert {row["repository"] for row in cleo.get("/catalogue").json()["results"]} == {FRONTIER}
    services.withdraw_request(actor=site.people["ada"], request=request)
    assert cleo.get("/catalogue").json()["results"] == []


def test_an_agent_in_a_group_with_a_role_knows_no_more(site: Site) -> None:
    agent = site.people["ci_bot"]
    agent.groups.add(*site.people["dora"].groups.all())
    assert {row["repository"] for row in Caller(agent).get("/catalogue").json()["results"]} == KNOWN["ci_bot"]
    assert Caller(site.people["dora"]).get("/catalogue").json()["results"] != []


def test_preview_and_submit_ask_again_below_the_pages(site: Site) -> None:
    draft = services.make_draft(target=site.world.target, scope=scope_of(FRONTIER), lasts_s=HOUR, purpose="Why")
    with pytest.raises(NotFound):
        services.submit_request(actor=site.people["gil"], draft=draft, assurance=fresh())
    assert services.submit_request(actor=site.people["ada"], draft=draft, assurance=fresh()).pk


WHO = ("principal", 'principal in Group::"guests"', 'principal in Group::"research"')
WHAT = ("action", 'action == Action::"know"', 'action == Action::"pull"')
WHERE = (
    "resource",
    'resource == Repository::"demo-registry/llm/frontier"',
    *(f'resource in Tier::"{t}"' for t in Tier),
)
WHEN = ("", 'when { resource.name like "llm/*" }', "when { context.is_agent }")
drawn_rules = st.lists(
    st.tuples(st.booleans(), *(st.sampled_from(part) for part in (WHO, WHAT, WHERE, WHEN))), min_size=1, max_size=4
)


@examples(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn_rules, st.lists(st.sampled_from(Tier), min_size=4, max_size=4))
def test_lists_and_requests_agree_on_what_is_known(
    site: Site, tmp_path: Path, client_for: Callable[..., Client], rules: list[tuple[bool, str, str, str, str]],
    tiers: list[Tier],
) -> None:  # fmt: skip
    texts = []
    for number, (is_permit, who, what, where, when) in enumerate(rules):
        terms = "" if not is_permit or "know" in what else '@lasts_at_most("8h")'
        effect = "permit" if is_permit else "forbid"
        texts.append(f'@id("r{number}") {terms} {effect} ({who}, {what}, {where}) {when};')
    (tmp_path / "people.cedar").write_text("\n".join(texts))
    for other in ("agents", "guests", "knowing", "files"):
        (tmp_path / f"{other}.cedar").unlink(missing_ok=True)
    with transaction.atomic():
        for row, tier in zip(Repository.objects.order_by("pk"), tiers, strict=True):
            Repository.objects.filter(pk=row.pk).update(tier=tier)
        load_policy(actor=GATEWAY, directory=tmp_path)
        for who in ("gil", "ci_bot"):
            agree(site, who, client_for)
        transaction.set_rollback(True)


def agree(site: Site, who: str, client_for: Callable[..., Client]) -> None:
    caller, rows = Caller(site.people[who]), list(Repository.objects.select_related("target"))
    listed = {row["id"] for row in caller.get("/catalogue").json()["results"]}
    previewed = {row.public_id for row in rows if previewed_for(caller, row) != 404}
    sent = {row.public_id for row in rows if caller.post("/requests", wished(sought(row))).status_code != 404}
    assert listed == previewed == sent
    if site.people[who].is_person:
        page = client_for(site.people[who]).get("/requests/new").content.decode()
        assert set(re.findall(r'name="resource" value="(rpo_\w+)"', page)) == listed


def previewed_for(caller: Caller, row: Repository) -> int:
    return int(previewed(caller, sought(row)).status_code)

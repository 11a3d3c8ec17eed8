"""Service accounts and their API tokens over the API: what people may, agents may not, and strangers never learn."""

from __future__ import annotations

import pytest
from django.test import Client

from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.services import lock_account
from jit_access.audit.models import AuditEntry
from tests.api.caller import ROOT, Caller
from tests.conftest import Clock
from tests.support.cast import Cast, make_person
from tests.support.sessions import code_now

pytestmark = pytest.mark.django_db
NEW = {"name": "eval-nightly", "purpose": "Scores each night's checkpoints", "groups": ["research"]}
TOKEN = {"name": "nightly", "lasts_s": 86400}


def by(text: str, path: str = "/me", method: str = "get", address: str = "10.0.0.9") -> tuple[int, dict[str, object]]:
    client = Client(REMOTE_ADDR=address)
    send = client.get if method == "get" else client.post
    more = {} if method == "get" else {"data": {}, "content_type": "application/json"}
    answer = send(ROOT + path, headers={"Authorization": f"Bearer {text}"}, **more)  # type: ignore[arg-type]
    return answer.status_code, answer.json() if answer.content else {}


class TestMaking:
    def test_a_person_of_the_right_group_makes_one(self, cast: Cast) -> None:
        made = Caller(cast.ada).post("/agents", NEW)
        assert made.status_code == 201, made.content
        body = made.json()
        assert (body["state"], body["groups"], body["owner"]["id"]) == ("works", ["research"], cast.ada.public_id)
        assert body["display_name"] == "eval-nightly"
        names = [one["name"] for one in Caller(cast.ada).get("/agents").json()["results"]]
        assert names == ["eval-nightly", "ci-bot"]

    @pytest.mark.parametrize(("who", "code"), [("cleo", "agents-not-open"), ("ci_bot", "not-for-agents")])
    def test_others_do_not(self, cast: Cast, who: str, code: str) -> None:
        refused = Caller(getattr(cast, who)).post("/agents", NEW)
        assert (refused.status_code, refused.json()["code"]) == (403, code)
        assert AuditEntry.objects.filter(kind="agent.make-refused", reason=code).exists()
        assert not User.objects.filter(username="eval-nightly").exists()

    def test_a_stale_factor_is_not_enough_and_a_code_is(self, cast: Cast) -> None:
        ada = Caller(cast.ada, factor="stale")
        assert ada.post("/agents", NEW).json()["code"] == "second-factor-stale"
        assert ada.post("/agents", NEW | {"code": code_now()}).status_code == 201

    @pytest.mark.parametrize(
        "bad",
        [
            {"name": "ab"}, {"name": "Eval"}, {"name": "eval_x"}, {"name": "9lives"}, {"name": "ada"},
            {"name": "eval--x"}, {"name": "ci-bot"}, {"purpose": "short"}, {"groups": ["security"]},
            {"groups": ["model-owners"]}, {"groups": ["nobody"]}, {"display_name": "a\u202eb"}, {"owner": "ben"},
            {"kind": "person"}, {"is_active": False},
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused(self, cast: Cast, bad: dict[str, object]) -> None:
        before = User.objects.count()
        assert Caller(cast.ada).post("/agents", NEW | bad).status_code in {400, 409}
        assert User.objects.count() == before

    def test_protected_groups_are_nobodys_to_give(self, cast: Cast) -> None:
        ben = Caller(cast.ben)  # an operator
        assert ben.post("/agents", NEW | {"groups": ["operators"]}).status_code == 400
        assert ben.post("/agents", NEW | {"groups": ["model-owners"]}).status_code == 201

    def test_one_person_has_so_many(self, cast: Cast, settings: object) -> None:
        settings.AGENTS_PER_PERSON = 2  # type: ignore[attr-defined]  # pytest-django's
        ada = Caller(cast.ada)
        made = ada.post("/agents", NEW).json()["id"]
        assert ada.post("/agents", NEW | {"name": "another"}).json()["code"] == "too-many-agents"
        assert ada.post(f"/agents/{made}/retire").json()["state"] == "retired"
        assert ada.post("/agents", NEW | {"name": "another"}).status_code == 201


class TestOwning:
    def test_its_owner_changes_suspends_resumes_and_retires_it(self, cast: Cast) -> None:
        ada, path = Caller(cast.ada), f"/agents/{cast.ci_bot.public_id}"
        changed = ada.client.patch(
            ROOT + path, {"purpose": "Builds and pushes images", "groups": []}, content_type="application/json"
        )
        assert (changed.json()["purpose"], changed.json()["groups"]) == ("Builds and pushes images", [])
        assert ada.post(f"{path}/suspend", {"note": "Holiday"}).json()["state"] == "suspended"
        assert ada.post(f"{path}/suspend").status_code == 200
        assert ada.post(f"{path}/resume").json()["state"] == "works"
        assert ada.post(f"{path}/retire").json()["state"] == "retired"
        assert ada.post(f"{path}/resume").json()["code"] == "agent-retired"

    @pytest.mark.parametrize("who", ["ben", "cleo", "dora", "ci_bot"])
    def test_nobody_else_does(self, cast: Cast, who: str) -> None:
        caller, path = Caller(getattr(cast, who)), f"/agents/{cast.ci_bot.public_id}"
        before = ApiToken.objects.count()
        for what in ("suspend", "resume", "retire", "tokens", "offer/accept", "offer/decline"):
            assert caller.post(f"{path}/{what}", TOKEN if what == "tokens" else {}).status_code == 404, what
        assert caller.post(f"{path}/offer", {"to": "ben"}).status_code == 404
        cast.ci_bot.refresh_from_db()
        assert cast.ci_bot.is_active
        assert ApiToken.objects.count() == before

    @pytest.mark.parametrize(("who", "status"), [("ada", 200), ("dora", 200), ("ben", 404), ("cleo", 404)])
    def test_who_may_see_it(self, cast: Cast, who: str, status: int) -> None:
        caller = Caller(getattr(cast, who))
        assert caller.get(f"/agents/{cast.ci_bot.public_id}").status_code == status
        assert caller.get(f"/agents/{cast.ci_bot.public_id}/tokens").status_code == status
        assert caller.get("/agents", whose="others").status_code == (200 if who == "dora" else 404)
        assert caller.get(f"/agents/{cast.ada.public_id}").status_code == 404

    def test_security_sees_all_of_others(self, cast: Cast) -> None:
        found = Caller(cast.dora).get("/agents", whose="others").json()["results"]
        assert [one["name"] for one in found] == ["ci-bot"]


class TestHandingOver:
    def test_nobody_is_given_one_without_saying_so(self, cast: Cast) -> None:
        ada, ben, path = Caller(cast.ada), Caller(cast.ben), f"/agents/{cast.ci_bot.public_id}"
        text = ada.post(f"{path}/tokens", TOKEN).json()["token"]
        offered = ada.post(f"{path}/offer", {"to": "ben", "note": "You run these now"})
        assert offered.json()["offer"]["to"]["id"] == cast.ben.public_id
        assert offered.json()["owner"]["id"] == cast.ada.public_id
        assert [one["name"] for one in ben.get("/agents", whose="offered").json()["results"]] == ["ci-bot"]
        assert by(text)[0] == 200
        accepted = ben.post(f"{path}/offer/accept")
        assert (accepted.json()["owner"]["id"], accepted.json()["state"]) == (cast.ben.public_id, "works")
        assert accepted.json()["groups"] == []  # Ben is not in research
        assert by(text) == (401, by(text)[1])
        assert by(text)[1]["code"] == "token-revoked"
        assert ada.get(path).status_code == 404
        assert ben.post(f"{path}/tokens", TOKEN).status_code == 201

    def test_only_who_was_asked_accepts(self, cast: Cast) -> None:
        ada, path = Caller(cast.ada), f"/agents/{cast.ci_bot.public_id}"
        ada.post(f"{path}/offer", {"to": "ben"})
        for other in (cast.ada, cast.dora, cast.cleo):
            assert Caller(other).post(f"{path}/offer/accept").status_code == 404
        assert Caller(cast.ben, factor="stale").post(f"{path}/offer/accept").json()["code"] == "second-factor-stale"
        assert Caller(cast.ben).post(f"{path}/offer/decline").status_code == 204
        assert Caller(cast.ben).post(f"{path}/offer/accept").status_code == 404
        assert ada.get(path).json()["offer"] is None

    def test_an_offer_is_taken_back_and_runs_out(self, cast: Cast, clock: Clock) -> None:
        ada, path = Caller(cast.ada), f"/agents/{cast.ci_bot.public_id}"
        ada.post(f"{path}/offer", {"to": "ben"})
        assert ada.post(f"{path}/offer/withdraw").status_code == 204
        assert Caller(cast.ben).post(f"{path}/offer/accept").status_code == 404
        ada.post(f"{path}/offer", {"to": "ben"})
        clock.advance(days=7)
        assert Caller(cast.ben).post(f"{path}/offer/accept").status_code == 404

    @pytest.mark.parametrize("to", ["ci-bot", "ada", "nobody", ""])
    def test_to_whom_it_cannot_be_offered(self, cast: Cast, to: str) -> None:
        ada, path = Caller(cast.ada), f"/agents/{cast.ci_bot.public_id}"
        assert ada.post(f"{path}/offer", {"to": to}).status_code == 400
        assert ada.post(f"{path}/offer", {"to": "ben"}).status_code == 200

    def test_whose_groups_may_not_own_one_cannot_accept(self, cast: Cast) -> None:
        path = f"/agents/{cast.ci_bot.public_id}"
        Caller(cast.ada).post(f"{path}/offer", {"to": "cleo"})
        assert Caller(cast.cleo).post(f"{path}/offer/accept").json()["code"] == "agents-not-open"
        cast.ci_bot.refresh_from_db()
        assert cast.ci_bot.owner == cast.ada

    def test_security_names_a_new_owner_where_the_old_one_is_gone(self, cast: Cast) -> None:
        path, dora = f"/agents/{cast.ci_bot.public_id}", Caller(cast.dora)
        mia = make_person("mia", "research")
        assert dora.post(f"{path}/offer", {"to": "mia"}).status_code == 404
        lock_account(actor=cast.dora.ref, user=cast.ada)
        assert dora.get(path).json()["state"] == "without-owner"
        assert dora.post(f"{path}/offer", {"to": "mia"}).status_code == 200
        accepted = Caller(mia).post(f"{path}/offer/accept").json()
        assert (accepted["state"], accepted["owner"]["id"]) == ("works", mia.public_id)


class TestTokens:
    def test_with_all_limits_it_says_them_and_keeps_to_them(self, cast: Cast) -> None:
        ada, path = Caller(cast.ada), f"/agents/{cast.ci_bot.public_id}/tokens"
        wish = {"networks": ["10.0.0.0/8"], "max_uses": 2, "rotates_every_s": 86400, "overlap_s": 3600}
        made = ada.post(path, TOKEN | wish | {"lasts_s": 30 * 86400})
        assert made.status_code == 201, made.content
        assert made["Cache-Control"] == "no-store"
        body = made.json()
        assert (body["networks"], body["uses_left"], body["rotation"]["generation"]) == (["10.0.0.0/8"], 2, 1)
        text = body["token"]
        assert text not in ada.get(path).content.decode()
        assert by(text, address="192.0.2.1")[1]["code"] == "token-elsewhere"
        assert by(text)[0] == 200
        status, here = by(text, "/me/token")
        assert (status, here["uses_left"], here["last_used_from"]) == (200, 0, "10.0.0.9")
        assert by(text)[1]["code"] == "token-spent"

    def test_its_holder_collects_the_next_one(self, cast: Cast, clock: Clock) -> None:
        wish = {"rotates_every_s": 86400, "lasts_s": 30 * 86400}
        made = Caller(cast.ada).post(f"/agents/{cast.ci_bot.public_id}/tokens", TOKEN | wish).json()
        status, early = by(made["token"], "/me/token/next", "post")
        assert (status, early["token"], early["generation"]) == (200, None, 1)
        clock.advance(days=1)
        status, found = by(made["token"], "/me/token/next", "post")
        assert (status, found["generation"]) == (200, 2)
        assert by(made["token"], "/me/token/next", "post")[1]["code"] == "token-collected"
        assert by(str(found["token"]))[0] == 200
        assert by(made["token"])[1]["code"] == "token-copied"
        assert by(str(found["token"]))[1]["code"] == "token-copied"

    def test_a_session_has_no_token_to_follow(self, cast: Cast) -> None:
        ada = Caller(cast.ada)
        assert ada.get("/me/token").status_code == 404
        assert ada.post("/me/token/next").status_code == 404

    def test_an_agent_makes_none_for_itself_and_its_owner_does(self, cast: Cast) -> None:
        assert Caller(cast.ada).post("/me/tokens", TOKEN).status_code == 201
        bot = Caller(cast.ci_bot)
        refused = bot.post("/me/tokens", TOKEN)
        assert (refused.status_code, refused.json()["code"]) == (403, "not-for-agents")
        assert bot.post(f"/agents/{cast.ci_bot.public_id}/tokens", TOKEN).status_code == 404
        assert ApiToken.objects.filter(user=cast.ci_bot).count() == 1

    def test_a_persons_token_makes_none_either(self, cast: Cast) -> None:
        text = Caller(cast.ada).post("/me/tokens", TOKEN).json()["token"]
        answer = Client().post(
            f"{ROOT}/me/tokens",
            TOKEN | {"name": "more"},
            content_type="application/json",
            headers={"Authorization": f"Bearer {text}"},
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "second-factor-missing")

    def test_revoking(self, cast: Cast) -> None:
        ada = Caller(cast.ada)
        made = ada.post(f"/agents/{cast.ci_bot.public_id}/tokens", TOKEN).json()
        path = f"/api-tokens/{made['id']}/revoke"
        assert Caller(cast.ben).post(path).status_code == 404
        assert Caller(cast.ada, factor="stale").post(path).json()["code"] == "second-factor-stale"
        assert by(made["token"])[0] == 200
        assert ada.post(path).status_code == 204
        assert ada.post(path).status_code == 204
        assert by(made["token"])[1]["code"] == "token-revoked"

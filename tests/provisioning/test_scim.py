"""A company's directory: the shapes that Entra and Okta send, what is theirs to say, and what never is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.selectors import groups_of
from jit_access.accounts.services import add_to_group, issue_api_token, lock_account, unlock_account
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict
from jit_access.grants.models import Grant
from jit_access.provisioning import directories, groups, people
from jit_access.provisioning.models import ProvisionedUser, Provisioner
from tests.conftest import Clock
from tests.provisioning.conftest import Directory, entra_user, make
from tests.support.cast import Cast
from tests.support.lifecycles import TINY, active, make_world, reload

MakeClient = Callable[..., Client]


def eve_of(corp: Directory, **more: Any) -> tuple[str, User]:
    made = corp.post("/Users", entra_user(**more))
    assert corp.status == 201, made
    return f"/Users/{made['id']}", User.objects.get(public_id=made["id"])


class TestTheDoor:
    def test_only_a_token_of_a_directory_opens_it(self, corp: Directory, cast: Cast, client_for: MakeClient) -> None:
        api = issue_api_token(actor=GATEWAY, user=cast.dora, name="x", lasts=timedelta(days=1)).text.reveal()
        for token in ("", "x", "jitscim_" + "A" * 43, api):
            assert Directory(token).get("/Users")["status"] == "401"
        assert client_for(cast.dora).get("/scim/v2/Users").status_code == 401
        assert corp.get("/Users")["totalResults"] == 0
        assert AuditEntry.objects.filter(kind="directory.refused").count() == 5

    def test_its_token_opens_nothing_else(self, corp: Directory) -> None:
        headers = {"Authorization": f"Bearer {corp.token}"}
        assert Client().get("/api/v1/me", headers=headers).status_code == 401
        assert Client().get("/internal/v1/snapshot", headers=headers).status_code == 401

    def test_a_replaced_token_works_for_a_day_and_a_revoked_one_not_at_all(
        self, corp: Directory, row: Provisioner, clock: Clock
    ) -> None:
        new = Directory(directories.rotate_token(actor=GATEWAY, directory=row).reveal())
        for one in (corp, new):
            one.get("/Users")
            assert one.status == 200
        clock.advance(hours=25)
        corp.get("/Users")
        new.get("/Users")
        assert (corp.status, new.status) == (401, 200)
        directories.revoke_tokens(actor=GATEWAY, directory=row)
        new.get("/Users")
        assert new.status == 401

    def test_bodies_are_bounded_and_read_without_doubt(self, corp: Directory) -> None:
        def post(body: bytes, kind: str = "application/scim+json") -> int:
            headers = {"Authorization": f"Bearer {corp.token}"}
            return Client().post("/scim/v2/Users", body, content_type=kind, headers=headers).status_code

        assert post(b'{"userName": "a", "userName": "b"}') == 400
        assert post(b"[" * 100_000) == 400
        assert post(b"[]") == 400
        assert post(b'{"userName": "' + b"a" * 1024 * 1024 + b'"}') == 413
        assert post(b"{}", "text/plain") == 415
        assert post(b'{"userName": "eve"}') == 201

    def test_it_says_what_it_can_do(self, corp: Directory) -> None:
        assert corp.get("/ServiceProviderConfig")["patch"] == {"supported": True}
        assert [one["name"] for one in corp.get("/ResourceTypes")["Resources"]] == ["User", "Group"]
        assert len(corp.get("/Schemas")["Resources"]) == 3
        assert corp.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User")["name"] == "User"
        corp.get("/Bulk")
        assert corp.status == 404


class TestPeople:
    def test_somebody_joins_without_password_power_or_group(self, corp: Directory) -> None:
        _, eve = eve_of(corp)
        assert (eve.username, eve.display_name, eve.email) == ("eve@corp.example", "Eve Corp", "eve@corp.example")
        assert not eve.has_usable_password()
        assert (eve.is_superuser, eve.is_staff, groups_of(eve)) == (False, False, frozenset())

    @pytest.mark.parametrize("name", ["ada", "ADA", " ａｄａ "])
    def test_never_under_a_name_that_is_taken(self, corp: Directory, cast: Cast, name: str) -> None:
        answer = corp.post("/Users", entra_user(name))
        assert (corp.status, answer["scimType"]) == (409, "uniqueness")
        assert not ProvisionedUser.objects.exists()

    def test_nobody_else_is_seen_or_changed(self, corp: Directory, cast: Cast) -> None:
        other = make("other")[1]
        path, eve = eve_of(corp)
        for directory, address in ((corp, f"/Users/{cast.ada.public_id}"), (other, path)):
            for method in ("GET", "PUT", "DELETE"):
                directory.send(method, address, entra_user())
                assert directory.status == 404
            directory.patch(address, {"op": "replace", "path": "active", "value": False})
            assert directory.status == 404
        assert other.get("/Users")["totalResults"] == 0
        assert reload(cast.ada).is_active
        assert reload(eve).is_active

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ('userName eq "EVE@corp.example"', 1),
            ('externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"', 1),
            ('externalId eq "0A21F0F2-8D2A-4F8E-BF98-7363C4AED4EF"', 0),
            ('userName eq "nobody"', 0),
            ('userName sw "eve" and active eq true', 1),
            ('userName eq "x" or (displayName co "corp" and not (active eq false))', 1),
            ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "eve@corp.example"', 1),
            ("title pr", 0),
        ],
    )
    def test_filters_find(self, corp: Directory, text: str, found: int) -> None:
        eve_of(corp)
        if text == "title pr":
            corp.get("/Users?filter=title pr")
            assert corp.status == 400
            return
        assert corp.get(f"/Users?filter={text}")["totalResults"] == found

    @pytest.mark.parametrize(
        "text",
        [
            'password eq "x"',
            'user__password sw "pbkdf2"',
            'userName eq "x" and',
            'userName zz "x"',
            "userName eq 5",
            "(" * 50 + 'userName eq "x"' + ")" * 50,
            " or ".join(['userName eq "x"'] * 21),
            'userName eq "x" userName',
            "active eq 1",
            "a" * 1001,
            "%",
        ],
    )
    def test_a_filter_that_cannot_be_used_says_so(self, corp: Directory, text: str) -> None:
        eve_of(corp)
        answer = Client().get("/scim/v2/Users", {"filter": text}, headers={"Authorization": f"Bearer {corp.token}"})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")

    def test_pages(self, corp: Directory) -> None:
        for number in range(5):
            corp.post("/Users", entra_user(f"eve{number}", externalId=str(number)))
        page = corp.get("/Users?startIndex=2&count=2")
        assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, 2, 2)
        assert [one["userName"] for one in page["Resources"]] == ["eve1", "eve2"]
        assert corp.get("/Users?count=0")["Resources"] == []
        assert corp.get("/Users?startIndex=-3&count=900")["itemsPerPage"] == 5
        corp.get("/Users?count=many")
        assert corp.status == 400

    def test_versions(self, corp: Directory) -> None:
        path, _ = eve_of(corp)
        assert corp.get(path)["meta"]["version"] == 'W/"1"'
        corp.get(path, If_None_Match='W/"1"')
        assert corp.status == 304
        change = {"op": "replace", "path": "title", "value": "Engineer"}
        assert corp.patch(path, change, If_Match='W/"1"')["title"] == "Engineer"
        corp.patch(path, change, If_Match='W/"1"')
        assert corp.status == 412
        corp.patch(path, change, If_Match='"nonsense"')
        assert corp.status == 412

    def test_a_manager_is_somebody_of_the_same_directory(self, corp: Directory, cast: Cast) -> None:
        path, eve = eve_of(corp)
        boss = corp.post("/Users", entra_user("boss", externalId="2"))["id"]
        schema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
        corp.patch(path, {"op": "Add", "path": f"{schema}:manager", "value": boss})
        assert people.manager_of(eve) == User.objects.get(public_id=boss)
        corp.patch(path, {"op": "Replace", "path": f"{schema}:manager", "value": {"value": cast.ben.public_id}})
        assert people.manager_of(eve) is None
        assert corp.send("PUT", path, entra_user(**{schema: {"manager": {"value": boss}}}))[schema]["manager"]


LEAVING = {
    "Entra": {"op": "Replace", "path": "active", "value": "False"},
    "Entra, newer": {"op": "replace", "path": "active", "value": False},
    "Okta": {"op": "replace", "value": {"active": False}},
    "with the schema": {"op": "REPLACE", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": "false"},
}


def test_a_zero_byte_is_refused_before_the_database_would(corp: Directory) -> None:
    for body in ({"userName": "zo\x00e"}, {"userName": "zoe", "name": {"givenName": "Z\x00"}}):
        refused = corp.post("/Users", body)
        assert (corp.status, refused["scimType"]) == (400, "invalidSyntax")
    corp.post("/Users", {"userName": "zoe", "name": {"givenName": "Zoe"}})
    assert corp.status == 201


class TestLeaving:
    @pytest.mark.parametrize("shape", LEAVING)
    def test_everything_ends_with_it(self, cast: Cast, corp: Directory, row: Provisioner, shape: str) -> None:
        world = make_world(cast)
        grant = active(world, TINY)
        token = issue_api_token(actor=GATEWAY, user=cast.ada, name="laptop", lasts=timedelta(days=1)).text.reveal()
        headers = {"Authorization": f"Bearer {token}"}
        assert Client().get("/api/v1/me", headers=headers).status_code == 200
        people.adopt_person(actor=GATEWAY, directory=row, user=cast.ada)
        answer = corp.patch(f"/Users/{cast.ada.public_id}", LEAVING[shape])
        assert (corp.status, answer["active"]) == (200, False)
        assert reload(grant).end_reason == "account-locked"
        assert Client().get("/api/v1/me", headers=headers).status_code in {401, 403}
        assert ApiToken.objects.count() == 1
        assert AuditEntry.objects.filter(kind="account.locked", actor_id=row.public_id).count() == 1

    def test_the_agents_of_whoever_leaves_end_too(self, cast: Cast, corp: Directory, row: Provisioner) -> None:
        world = make_world(cast)
        grant = active(world, "tools/base-image", actor=cast.ci_bot)
        people.adopt_person(actor=GATEWAY, directory=row, user=cast.ada)
        corp.send("DELETE", f"/Users/{cast.ada.public_id}")
        assert corp.status == 204
        assert reload(grant).end_reason == "agent-without-owner"

    def test_who_is_removed_stays_in_the_history_and_their_name_is_nobody_elses(self, corp: Directory) -> None:
        path, eve = eve_of(corp)
        corp.send("DELETE", path)
        corp.get(path)
        assert corp.status == 404
        assert not reload(eve).is_active
        corp.post("/Users", entra_user())
        assert corp.status == 409

    def test_who_comes_back_is_let_in_again(self, corp: Directory) -> None:
        path, eve = eve_of(corp)
        corp.patch(path, LEAVING["Entra"])
        corp.patch(path, {"op": "Replace", "path": "active", "value": "True"})
        assert reload(eve).is_active

    def test_but_what_security_locked_only_somebody_here_unlocks(self, corp: Directory, cast: Cast) -> None:
        path, eve = eve_of(corp)
        lock_account(actor=cast.dora.ref, user=eve, note="Laptop lost")
        corp.patch(path, {"op": "replace", "value": {"active": True}})
        corp.patch(path, LEAVING["Okta"])
        assert corp.patch(path, {"op": "replace", "value": {"active": True}})["active"] is False
        assert not reload(eve).is_active

    def test_nor_what_security_locked_after_the_directory_did(self, corp: Directory, cast: Cast) -> None:
        path, eve = eve_of(corp)
        corp.patch(path, LEAVING["Okta"])
        lock_account(actor=cast.dora.ref, user=eve, note="Laptop lost")
        assert corp.patch(path, {"op": "replace", "value": {"active": True}})["active"] is False
        assert not reload(eve).is_active

    def test_nor_after_somebody_here_had_unlocked(self, corp: Directory, cast: Cast) -> None:
        path, eve = eve_of(corp)
        corp.patch(path, LEAVING["Okta"])
        unlock_account(actor=cast.dora.ref, user=eve)
        lock_account(actor=cast.dora.ref, user=eve, note="Laptop lost")
        assert corp.patch(path, {"op": "replace", "value": {"active": True}})["active"] is False
        assert not reload(eve).is_active

    def test_a_word_that_is_neither_true_nor_false_changes_nothing(self, corp: Directory) -> None:
        path, eve = eve_of(corp)
        corp.patch(path, {"op": "Replace", "path": "active", "value": "no"})
        assert corp.status == 400
        assert reload(eve).is_active


class TestShapes:
    def test_entra_puts_paths_into_keys(self, corp: Directory) -> None:
        path, eve = eve_of(corp)
        value = {"displayName": "Eve New", 'emails[type eq "work"].value': "new@corp.example", "title": "Lead"}
        corp.patch(path, {"op": "Replace", "value": value})
        eve.refresh_from_db()
        assert (eve.display_name, eve.email, eve.title) == ("Eve New", "new@corp.example", "Lead")

    def test_entra_sends_many_small_ones(self, corp: Directory) -> None:
        path, eve = eve_of(corp)
        corp.patch(
            path,
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "e@corp.example"},
            {"op": "Replace", "path": "name.familyName", "value": "Corp-Smith"},
            {"op": "Add", "path": "userName", "value": "eve.smith"},
            {"op": "Remove", "path": "title"},
        )
        eve.refresh_from_db()
        assert (eve.email, eve.username, eve.title) == ("e@corp.example", "eve.smith", "")

    def test_okta_puts_the_whole_person(self, corp: Directory) -> None:
        path, eve = eve_of(corp)
        body = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "eve@corp.example",
            "name": {"givenName": "Eve", "familyName": "Okta"},
            "emails": [{"primary": True, "value": "eve@okta.example", "type": "work"}],
            "password": "1mz050nq",
            "active": True,
            "groups": [],
        }
        assert "password" not in corp.send("PUT", path, body)
        eve.refresh_from_db()
        assert (eve.display_name, eve.email) == ("Eve Okta", "eve@okta.example")
        assert not eve.has_usable_password()

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "explode", "path": "active", "value": False},
            {"op": "remove"},
            {"path": "active", "value": False},
            {"op": "replace", "path": 7, "value": False},
            {"op": "replace", "value": "active"},
            {"op": "replace", "path": "userName", "value": {"is_superuser": True}},
            {"op": "replace", "path": "userName", "value": ""},
            "active",
        ],
    )
    def test_what_is_no_operation_changes_nothing(self, corp: Directory, operation: Any) -> None:
        path, eve = eve_of(corp)
        corp.patch(path, {"op": "replace", "path": "title", "value": "Changed"}, operation)
        assert corp.status == 400
        assert reload(eve).title == ""

    @pytest.mark.parametrize("name", ["is_superuser", "is_staff", "groups", "public_id", "owner", "kind", "roles"])
    def test_powers_are_not_attributes(self, corp: Directory, name: str) -> None:
        path, eve = eve_of(corp)
        corp.patch(path, {"op": "replace", "path": name, "value": True}, {"op": "add", "value": {name: "security"}})
        again = reload(eve)
        assert (again.is_superuser, again.is_staff, groups_of(again)) == (False, False, frozenset())


def group_body(name: str, *members: str) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
        "displayName": name,
        "members": [{"value": one} for one in members],
    }


class TestGroups:
    def test_a_group_of_a_directory_has_a_name_of_its_own(self, corp: Directory, cast: Cast) -> None:
        """Whoever may make groups there could else make one that policy gives something to."""
        _, eve = eve_of(corp)
        made = corp.post("/Groups", group_body("Model Owners", eve.public_id))
        assert (corp.status, made["displayName"]) == (201, "Model Owners")
        assert groups_of(eve) == {"corp-model-owners"}
        for name in ("security", "model-owners", "corp security"):
            corp.post("/Groups", group_body(name, eve.public_id))
        assert not groups_of(eve) & {"security", "model-owners", "operators"}

    @pytest.mark.parametrize("shape", ["path filter", "value", "replace", "okta replace"])
    def test_members_come_and_go(self, corp: Directory, shape: str) -> None:
        _, eve = eve_of(corp)
        made = corp.post("/Groups", group_body("Owners"))
        path = f"/Groups/{made['id']}"
        corp.patch(path, {"op": "Add", "path": "members", "value": [{"value": eve.public_id}]})
        assert groups_of(eve) == {"corp-owners"}
        leaving: dict[str, dict[str, Any]] = {
            "path filter": {"op": "remove", "path": f'members[value eq "{eve.public_id}"]'},
            "value": {"op": "Remove", "path": "members", "value": [{"value": eve.public_id}]},
            "replace": {"op": "replace", "path": "members", "value": []},
            "okta replace": {"op": "replace", "value": {"id": made["id"], "displayName": "Owners", "members": []}},
        }
        answer = corp.patch(path, leaving[shape])
        assert (corp.status, answer["members"]) == (200, [])
        assert groups_of(eve) == frozenset()
        assert AuditEntry.objects.filter(kind="account.group-removed").count() == 1

    def test_losing_one_ends_what_rests_on_it(self, cast: Cast, corp: Directory, row: Provisioner) -> None:
        world = make_world(cast)
        grant = active(world, TINY)
        people.adopt_person(actor=GATEWAY, directory=row, user=cast.ada)
        handed = groups.adopt_group(actor=GATEWAY, directory=row, name="research")
        corp.patch(f"/Groups/{handed.public_id}", {"op": "remove", "path": f'members[value eq "{cast.ada.public_id}"]'})
        assert corp.status == 200
        assert Grant.objects.get(pk=grant.pk).end_reason == "group-membership-lost"

    def test_whoever_is_named_here_is_not_a_directorys_to_see_or_remove(
        self, cast: Cast, corp: Directory, row: Provisioner
    ) -> None:
        handed = groups.adopt_group(actor=GATEWAY, directory=row, name="research")
        path = f"/Groups/{handed.public_id}"
        assert corp.get(path)["members"] == []
        corp.send("PUT", path, group_body("research"))
        corp.patch(path, {"op": "remove", "path": f'members[value eq "{cast.ada.public_id}"]'})
        corp.send("DELETE", path)
        assert corp.status == 204
        assert "research" in groups_of(cast.ada)
        assert Group.objects.filter(name="research").exists()

    def test_members_are_people_of_the_same_directory(self, cast: Cast, corp: Directory) -> None:
        made = corp.post("/Groups", group_body("Owners"))
        for stranger in (cast.ada.public_id, cast.ci_bot.public_id, "usr_none", made["id"]):
            corp.patch(f"/Groups/{made['id']}", {"op": "add", "path": "members", "value": [{"value": stranger}]})
            assert corp.status == 400
        assert "corp-owners" not in groups_of(cast.ada)

    @pytest.mark.parametrize("name", ["security", "operators", "auditors"])
    def test_protected_groups_are_handed_to_nobody(self, cast: Cast, row: Provisioner, name: str) -> None:
        with pytest.raises(CallerError):
            groups.adopt_group(actor=GATEWAY, directory=row, name=name)

    def test_a_group_that_became_protected_takes_nobody_in_any_more(
        self, corp: Directory, row: Provisioner, settings: Any
    ) -> None:
        _, eve = eve_of(corp)
        made = corp.post("/Groups", group_body("Owners"))
        settings.PROTECTED_GROUPS = frozenset({"corp-owners"})
        corp.patch(f"/Groups/{made['id']}", {"op": "add", "path": "members", "value": [{"value": eve.public_id}]})
        assert corp.status == 403
        assert groups_of(eve) == frozenset()

    def test_finding_without_members_and_by_name(self, corp: Directory) -> None:
        corp.post("/Groups", group_body("Model Owners"))
        page = corp.get('/Groups?filter=displayName eq "model owners"&excludedAttributes=members')
        assert page["totalResults"] == 1
        assert "members" not in page["Resources"][0]


class TestAdoption:
    def test_only_people_without_powers(self, cast: Cast, row: Provisioner) -> None:
        boss = User.objects.create_user(username="boss", display_name="Boss", is_superuser=True)
        for account in (boss, cast.ci_bot):
            with pytest.raises(CallerError):
                people.adopt_person(actor=GATEWAY, directory=row, user=account)
        people.adopt_person(actor=GATEWAY, directory=row, user=cast.ada)
        with pytest.raises(Conflict):
            people.adopt_person(actor=GATEWAY, directory=row, user=cast.ada)

    def test_a_member_of_a_protected_group_can_still_leave(self, corp: Directory) -> None:
        path, eve = eve_of(corp)
        add_to_group(actor=GATEWAY, user=eve, group="security")
        corp.patch(path, LEAVING["Okta"])
        assert not reload(eve).is_active

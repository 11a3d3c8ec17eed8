"""What docker, kubectl and aws are told: the token of a live grant, never for longer, and else one clear line."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jit_access.access_requests import services as requests
from jit_access.accounts.models import User
from jit_access.accounts.services import issue_api_token
from jit_access.credentials.models import CredentialLease
from jit_access.credentials.signing import signing_keys
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import LeaseState
from jit_access.domain.tokens import hash_token
from jit_access.grants import services as grants
from jit_access.grants.models import Grant
from jit_access.targets.models import TargetKind
from tests.support.helped import GATEWAY_HOST, add_target
from tests.support.lifecycles import BASE, HOUR, World, active, fresh, start
from tests.support.machine import Machine, Ran

pytestmark = pytest.mark.django_db(transaction=True)
NOT_FOUND = "credentials not found in native keychain\n"
SECOND = "tools/other-image"


def helper(machine: Machine, verb: str, stdin: str = GATEWAY_HOST, **more: str) -> Ran:
    return machine.run("docker-credential-jit", verb, stdin=stdin, **more)


def lease_of(secret: str) -> CredentialLease:
    return CredentialLease.objects.get(token_hash=hash_token(secret))


def opened(world: World, *names: str, **changes: Any) -> Grant:
    return active(world, *(names or (BASE,)), actor=world.cast.ci_bot, **changes)


def become_ada(world: World, machine: Machine) -> User:
    """The same machine, and somebody else at it."""
    issued = issue_api_token(actor=GATEWAY, user=world.cast.ada, name="laptop", lasts=timedelta(days=1))
    Path(machine.env["JIT_TOKEN_FILE"]).write_text(issued.text.reveal())
    return world.cast.ada


class TestDocker:
    @pytest.mark.parametrize("server", [GATEWAY_HOST, f"https://{GATEWAY_HOST.upper()}/v2/", f"{GATEWAY_HOST}\n"])
    def test_get_gives_a_token_of_the_live_grant(self, world: World, machine: Machine, server: str) -> None:
        grant = opened(world)
        done = helper(machine, "get", server)
        said = json.loads(done.stdout)
        assert (done.returncode, said["ServerURL"], said["Username"]) == (0, server.strip(), "ci-bot")
        assert lease_of(said["Secret"]).grant_id == grant.pk
        kept = [path for path in machine.home.rglob("*") if path.is_file()]
        assert all(path.stat().st_mode & 0o077 == 0 for path in kept)

    def test_one_token_of_each_grant_serves_every_call(self, world: World, machine: Machine) -> None:
        opened(world)
        assert len({helper(machine, "get").stdout for _ in range(3)}) == 1
        assert CredentialLease.objects.count() == 1

    def test_without_a_grant_it_names_the_command_on_one_line(self, world: World, machine: Machine) -> None:
        grant = opened(world)
        assert helper(machine, "get").returncode == 0
        grants.relinquish_grant(actor=world.cast.ci_bot, grant=grant)
        done = helper(machine, "get")
        assert done.returncode == 1
        assert done.stdout.count("\n") == 1
        assert "jit request <target>/<repository> --for 1h" in done.stdout
        assert NOT_FOUND not in done.stdout  # clients would go on without a login
        assert not list(machine.home.rglob("grt_*"))

    def test_of_foreign_hosts_it_knows_nothing(self, world: World, machine: Machine) -> None:
        opened(world)
        assert helper(machine, "get").returncode == 0
        for server in ("https://registry.test/v1/", f"evil.{GATEWAY_HOST}", "gateway.test", "", "https://[", "a@b@c"):
            done = helper(machine, "get", server)
            assert (done.returncode, done.stdout) == (1, NOT_FOUND), server

    def test_of_two_grants_the_one_started_last_is_used_and_said(
        self, world: World, machine: Machine, clock: Any
    ) -> None:
        first = opened(world)
        clock.advance(seconds=5)
        other = add_target("second", TargetKind.OCI, SECOND)
        second = opened(world, SECOND, target=other)
        done = helper(machine, "get")
        assert lease_of(json.loads(done.stdout)["Secret"]).grant_id == second.pk
        assert f"JIT_GRANT={first.public_id} for demo-registry/{BASE}" in done.stderr
        chosen = helper(machine, "get", JIT_GRANT=first.public_id)
        assert lease_of(json.loads(chosen.stdout)["Secret"]).grant_id == first.pk
        missing = helper(machine, "get", JIT_GRANT="grt_aaaaaaaaaaaaaaaaaaaa")
        assert (missing.returncode, "not open here" in missing.stdout) == (1, True)

    def test_other_kinds_of_targets_are_not_registries(self, world: World, machine: Machine) -> None:
        hub = add_target("hub", TargetKind.HF, "models/Org/Tiny")
        opened(world, "models/Org/Tiny", target=hub)
        assert helper(machine, "get").returncode == 1
        opened(world)
        assert helper(machine, "get").returncode == 0

    def test_a_grant_of_the_own_service_account_is_not_ones_own(self, world: World, machine: Machine) -> None:
        """Ada sees it, and gets no token of it."""
        become_ada(world, machine)
        opened(world)
        refused = helper(machine, "get")
        assert (refused.returncode, "No grant of yours is open" in refused.stdout) == (1, True)
        mine = active(world, BASE)
        done = helper(machine, "get")
        assert (lease_of(json.loads(done.stdout)["Secret"]).grant_id, done.stderr) == (mine.pk, "")

    def test_erase_revokes_what_was_given_out_and_leaves_the_grant(self, world: World, machine: Machine) -> None:
        grant = opened(world)
        before = json.loads(helper(machine, "get").stdout)["Secret"]
        assert helper(machine, "erase").returncode == 0
        assert lease_of(before).state == LeaseState.REVOKED
        after = json.loads(helper(machine, "get").stdout)["Secret"]
        assert after != before
        assert lease_of(after).grant_id == grant.pk

    def test_store_keeps_nothing_and_says_so(self, world: World, machine: Machine) -> None:
        body = json.dumps({"ServerURL": GATEWAY_HOST, "Username": "ci-bot", "Secret": "typed-by-hand"})
        done = helper(machine, "store", body)
        assert (done.returncode, "keeps no logins" in done.stdout) == (1, True)
        assert helper(machine, "store", "{").returncode == 1
        assert not any("typed-by-hand" in path.read_text() for path in machine.home.rglob("*") if path.is_file())

    def test_list_names_our_hosts_while_something_is_open(self, world: World, machine: Machine) -> None:
        assert json.loads(helper(machine, "list").stdout) == {}
        opened(world)
        assert json.loads(helper(machine, "list").stdout) == {GATEWAY_HOST: "ci-bot"}

    @pytest.mark.parametrize("verbs", [(), ("fetch",), ("get", "more")])
    def test_what_is_no_verb_is_refused(self, machine: Machine, verbs: tuple[str, ...]) -> None:
        done = machine.run("docker-credential-jit", *verbs, stdin=GATEWAY_HOST)
        assert (done.returncode, done.stdout.startswith("Usage: docker-credential-jit get|")) == (1, True)

    def test_nobody_signed_in_is_one_line_too(self, world: World, machine: Machine) -> None:
        opened(world)
        assert helper(machine, "get").returncode == 0
        del machine.env["JIT_TOKEN_FILE"]
        done = helper(machine, "get")
        assert (done.returncode, done.stdout.count("\n"), "jit login" in done.stdout) == (1, 1, True)


class TestTokensOverTime:
    def test_one_that_was_revoked_elsewhere_is_replaced(self, world: World, machine: Machine) -> None:
        opened(world)
        before = json.loads(helper(machine, "get").stdout)["Secret"]
        grants.revoke_token(lease=lease_of(before), actor=world.cast.ci_bot)
        self._forget_when_it_was_checked(machine)
        after = json.loads(helper(machine, "get").stdout)["Secret"]
        assert (after != before, lease_of(after).state) == (True, LeaseState.ISSUED)

    def test_one_that_is_due_gets_a_successor(self, world: World, machine: Machine, clock: Any, settings: Any) -> None:
        settings.LEASE_ROTATE_AFTER_S, settings.LEASE_OVERLAP_S = 600, 60
        opened(world)
        before = json.loads(helper(machine, "get").stdout)["Secret"]
        clock.advance(seconds=300)
        assert json.loads(helper(machine, "get").stdout)["Secret"] == before
        clock.advance(seconds=301)
        after = json.loads(helper(machine, "get").stdout)["Secret"]
        assert lease_of(before).rotated_to == lease_of(after)

    def test_one_that_the_gateway_rotated_is_collected(
        self, world: World, machine: Machine, clock: Any, settings: Any
    ) -> None:
        settings.LEASE_ROTATE_AFTER_S, settings.LEASE_OVERLAP_S = 600, 60
        opened(world)
        before = json.loads(helper(machine, "get").stdout)["Secret"]
        clock.advance(seconds=601)
        assert grants.rotate_due_leases() == 1
        after = json.loads(helper(machine, "get").stdout)["Secret"]
        assert lease_of(before).rotated_to == lease_of(after)
        assert CredentialLease.objects.count() == 2

    def test_an_extension_goes_on_with_the_same_token(self, world: World, machine: Machine) -> None:
        """Asked for by a person: agents extend nothing."""
        ada = become_ada(world, machine)
        first = active(world, BASE, lasts_s=HOUR)
        before = json.loads(helper(machine, "get").stdout)["Secret"]
        request = requests.submit_extension(actor=ada, grant=first, by_s=HOUR, purpose="Slow", assurance=fresh())
        longer = start(Grant.objects.get(request=request))
        assert json.loads(helper(machine, "get").stdout)["Secret"] == before
        assert lease_of(before).grant_id == longer.pk
        assert [path.stem for path in machine.home.rglob("grt_*.json")] == [longer.public_id]

    @staticmethod
    def _forget_when_it_was_checked(machine: Machine) -> None:
        for path in machine.home.rglob("grt_*.json"):
            kept = json.loads(path.read_text())
            path.write_text(json.dumps(kept | {"checked_at": 0.0}))


class TestKubectl:
    def test_the_token_ends_with_the_grant(self, world: World, machine: Machine) -> None:
        grant = opened(world)
        done = machine.jit("kube-credential", "--target", "demo-registry")
        said = json.loads(done.stdout)
        assert (said["apiVersion"], said["kind"]) == ("client.authentication.k8s.io/v1", "ExecCredential")
        assert lease_of(said["status"]["token"]).grant_id == grant.pk
        assert grant.valid_until is not None
        assert said["status"]["expirationTimestamp"] == grant.valid_until.strftime("%Y-%m-%dT%H:%M:%SZ")

    def test_another_target_or_another_version_is_refused(self, world: World, machine: Machine) -> None:
        opened(world)
        info = json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "spec": {}})
        asked = ("kube-credential", "--target", "demo-registry")
        for version in ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"):
            told = json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}})
            assert json.loads(machine.jit(*asked, KUBERNETES_EXEC_INFO=told).stdout)["apiVersion"] == version
        for refused in (
            machine.jit(*asked, KUBERNETES_EXEC_INFO=info.replace("/v1", "/v1alpha1")),
            machine.jit(*asked, KUBERNETES_EXEC_INFO="{"),
            machine.jit("kube-credential", "--target", "other"),
        ):
            assert (refused.returncode != 0, refused.stdout) == (True, ""), refused.stderr
        assert "jit request other/… --for 1h --reason" in refused.stderr


class TestAWS:
    def test_three_values_and_the_end_of_the_grant(self, world: World, machine: Machine) -> None:
        store = add_target("store", TargetKind.S3, "weights/tiny")
        grant = opened(world, "weights/tiny", target=store)
        said = json.loads(machine.jit("aws-credential", "--target", "store").stdout)
        keys = signing_keys(lease_of(said["SessionToken"]))
        assert (said["Version"], said["AccessKeyId"]) == (1, keys.access_key_id)
        assert said["SecretAccessKey"] == keys.secret_access_key.reveal()
        assert grant.valid_until is not None
        assert said["Expiration"] == grant.valid_until.strftime("%Y-%m-%dT%H:%M:%SZ")

    def test_what_is_no_store_has_nothing_to_sign_with(self, world: World, machine: Machine) -> None:
        opened(world)
        done = machine.jit("aws-credential", "--target", "demo-registry")
        assert (done.returncode, done.stdout) == (2, "")

"""The pages about workload identities: who sees which, what they say, and that each asks for what it needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from jit_access.domain.lifecycle import TrustState
from jit_access.jose import key_sets
from jit_access.workloads.models import TrustedIssuer, WorkloadTrust
from tests.support.cast import Cast
from tests.support.workloads.issuer import GITHUB, Issuer, running_issuer
from tests.support.workloads.trusting import GITHUB_PINS, add_issuer, propose, trust
from tests.web.pages_of import text_of

ClientFor = Callable[..., Client]


@pytest.fixture(scope="module")
def served() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def known(cast: Cast, served: Issuer) -> TrustedIssuer:
    key_sets.forget_keys()
    return add_issuer(cast, served)


def here(cast: Cast) -> str:
    return f"/agents/{cast.ci_bot.public_id}/identities"


FORM = {
    "name": "Nightly eval",
    "claim-repository_id": "74",
    "claim-repository_owner_id": "65",
    "claim-environment": "production",
    "scope": "act",
    "minutes": "15",
    "days": "30",
}


class TestTrusting:
    def test_an_owner_proposes_and_a_second_person_confirms(
        self, cast: Cast, known: TrustedIssuer, client_for: ClientFor
    ) -> None:
        ada, ben = client_for(cast.ada), client_for(cast.ben)
        assert known.name in text_of(ada.get(f"{here(cast)}/new"))
        form = ada.get(f"{here(cast)}/new?issuer={known.public_id}")
        assert "Repository id" in text_of(form)
        assert ada.post(f"{here(cast)}/new", FORM | {"issuer": known.public_id}).status_code == 302
        assert "waits for a second person" in text_of(ada.get(here(cast)))
        row = WorkloadTrust.objects.get()
        there = f"{here(cast)}/{row.public_id}"
        asked = text_of(ben.get(f"{there}/confirm"))
        assert "runs in the repository with id 74" in asked
        assert "Compare the ids with the forge" in asked
        assert ben.post(f"{there}/confirm").status_code == 302
        row.refresh_from_db()
        assert (row.state, row.confirmed_by) == (TrustState.ACTIVE, cast.ben)
        assert "Trusted" in text_of(ada.get(f"/agents/{cast.ci_bot.public_id}"))
        assert ada.post(f"{there}/revoke", {"note": "Moved"}).status_code == 302
        assert "Ada Okafor ended it" in text_of(ada.get(here(cast)))

    def test_a_wide_trust_says_so_to_whoever_confirms(
        self, cast: Cast, known: TrustedIssuer, client_for: ClientFor
    ) -> None:
        wide = propose(cast, known, GITHUB_PINS)
        narrow = propose(cast, known, {**GITHUB_PINS, "environment": "production"})
        ben, said = client_for(cast.ben), "Every workflow of that repository is meant."
        assert said in text_of(ben.get(f"{here(cast)}/{wide.public_id}/confirm"))
        assert said not in text_of(ben.get(f"{here(cast)}/{narrow.public_id}/confirm"))

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"claim-repository_id": "*"}, "compared whole"),
            ({"claim-repository_id": ""}, "Repository id has to be pinned."),
            ({"claim-aud": "x"}, "cannot be pinned"),
            ({"name": ""}, "Give it a name"),
            ({"minutes": "60"}, "A token lasts 1 to 15 minutes."),
            ({"days": "365"}, "A trust lasts 1 to 90 days."),
            ({"scope": "admin"}, "It may read, or act as well."),
        ],
    )
    def test_what_cannot_be_is_said_and_what_was_typed_stays(
        self, cast: Cast, known: TrustedIssuer, client_for: ClientFor, changes: dict[str, str], sentence: str
    ) -> None:
        answer = client_for(cast.ada).post(f"{here(cast)}/new", FORM | {"issuer": known.public_id} | changes)
        assert answer.status_code == 422
        assert sentence in text_of(answer)
        assert 'value="65"' in answer.content.decode()
        assert not WorkloadTrust.objects.exists()

    def test_a_stale_factor_is_asked_for_first(self, cast: Cast, known: TrustedIssuer, client_for: ClientFor) -> None:
        row = propose(cast, known, GITHUB_PINS)
        ada, ben = client_for(cast.ada, "stale"), client_for(cast.ben, "stale")
        for answer in (
            ada.get(f"{here(cast)}/new"),
            ada.post(f"{here(cast)}/new", FORM | {"issuer": known.public_id}),
            ben.post(f"{here(cast)}/{row.public_id}/confirm"),
            ben.get("/issuers/new"),
            ben.post(f"/issuers/{known.public_id}/retire"),
        ):
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/second-factor")
        row.refresh_from_db()
        assert row.state == TrustState.PROPOSED

    def test_the_owner_cannot_confirm(self, cast: Cast, known: TrustedIssuer, client_for: ClientFor) -> None:
        row, ada = propose(cast, known, GITHUB_PINS), client_for(cast.ada)
        there = f"{here(cast)}/{row.public_id}/confirm"
        assert ada.get(there)["Location"] == here(cast)
        answer = ada.post(there)
        assert (answer.status_code, "own-trust" in text_of(answer)) == (403, True)

    def test_who_may_see_what(self, cast: Cast, known: TrustedIssuer, client_for: ClientFor) -> None:
        row = trust(cast, known, GITHUB_PINS)
        pages = [here(cast), f"{here(cast)}/{row.public_id}/revoke", "/issuers"]
        for one in (cast.ada, cast.ben, cast.dora):
            assert [client_for(one).get(path).status_code for path in pages] == [200] * 3
        cleo = client_for(cast.cleo)
        assert [cleo.get(path).status_code for path in pages] == [404] * 3
        assert cleo.post(pages[1]).status_code == 404
        for path in ("/issuers/new", f"/issuers/{known.public_id}/retire"):
            assert client_for(cast.ada).get(path).status_code == 404
            assert client_for(cast.ada).post(path).status_code == 404
        assert client_for(cast.ben).get(f"{here(cast)}/new").status_code == 404


class TestTryingClaims:
    def compare(self, client: Client, cast: Cast, text: str) -> str:
        answer = client.post(f"{here(cast)}/try", {"sample": text})
        assert answer.status_code == 200
        return text_of(answer)

    def test_claims_that_fit_and_claims_that_do_not(
        self, cast: Cast, known: TrustedIssuer, served: Issuer, client_for: ClientFor
    ) -> None:
        trust(cast, known, GITHUB_PINS)
        ada = client_for(cast.ada)
        assert "It would be known." in self.compare(ada, cast, json.dumps(served.claims(GITHUB)))
        other = self.compare(ada, cast, json.dumps(served.claims(GITHUB, repository_id="75")))
        assert "It would not be known." in other
        assert "75" in other
        for changes in ({"aud": "https://another.example"}, {"iss": "https://another.example"}, {"jti": None}):
            assert "It would not be known." in self.compare(ada, cast, json.dumps(served.claims(GITHUB, **changes)))

    def test_a_whole_token_is_warned_of_and_never_shown_again(
        self, cast: Cast, known: TrustedIssuer, served: Issuer, client_for: ClientFor
    ) -> None:
        trust(cast, known, GITHUB_PINS)
        token = served.token(GITHUB)
        answer = client_for(cast.ada).post(f"{here(cast)}/try", {"sample": token})
        assert "That was a whole token" in text_of(answer)
        assert token not in answer.content.decode()
        assert token.rpartition(".")[2] not in answer.content.decode()

    @pytest.mark.parametrize("text", ["", "x", "[]", "a.b.c", '{"iss": 1, "iss": 2}', "{" * 5000, "x" * 20_000])
    def test_what_is_no_object_is_said(self, cast: Cast, client_for: ClientFor, text: str) -> None:
        assert client_for(cast.ada).post(f"{here(cast)}/try", {"sample": text}).status_code == 422


class TestIssuers:
    def test_an_operator_adds_one_and_retires_it(self, cast: Cast, served: Issuer, client_for: ClientFor) -> None:
        key_sets.forget_keys()
        ben = client_for(cast.ben)
        assert "GitHub Actions" in text_of(ben.get("/issuers/new"))
        typed = {"kind": "github-actions", "name": "Our forge", "issuer": served.url}
        away = ben.post("/issuers/new", typed | {"allows_private": "no"})
        assert (away.status_code, "issuer-away" in text_of(away)) == (502, True)
        assert ben.post("/issuers/new", typed | {"allows_private": "yes"}).status_code == 302
        row = TrustedIssuer.objects.get()
        assert served.url in text_of(ben.get("/issuers"))
        assert "Retire Our forge?" in text_of(ben.get(f"/issuers/{row.public_id}/retire"))
        assert ben.post(f"/issuers/{row.public_id}/retire").status_code == 302
        row.refresh_from_db()
        assert row.retired_at is not None

    def test_a_credential_is_never_shown_again(self, cast: Cast, client_for: ClientFor) -> None:
        typed = {"kind": "kubernetes-tokenreview", "name": "", "issuer": "https://kubernetes.default.svc"}
        secret = "a-token-that-nobody-should-see-again"
        answer = client_for(cast.ben).post(
            "/issuers/new", typed | {"credential": secret, "api_server": "https://x.example"}
        )
        assert answer.status_code == 422
        assert secret not in answer.content.decode()

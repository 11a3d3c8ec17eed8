"""Signing in at a command line: consent, code, token, and each way to bend that."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from authlib.integrations.httpx_client import OAuth2Client
from django.test import Client

from jit_access.accounts.services import end_sessions, lock_account
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.mfa.assurance import Level
from jit_access.mfa.session_keys import LEVEL, PUBLIC_ID
from jit_access.oauth.models import AccessToken, AuthorizationCode
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.oauth_client import REDIRECT, CommandLine, me, send, sent_back

ClientFor = Callable[..., Client]


@pytest.fixture
def cli(cast: Cast, client_for: ClientFor) -> CommandLine:
    return CommandLine(client_for(cast.ada))


def refusals() -> list[tuple[str, str]]:
    rows = AuditEntry.objects.filter(kind="oauth.refused").order_by("seq")
    return [(row.reason, row.actor_id) for row in rows]


class TestTheWholeWay:
    def test_authlibs_own_client_signs_in(
        self, live_server: object, cast: Cast, client_for: ClientFor, settings: object
    ) -> None:
        settings.PUBLIC_URL = live_server.url  # type: ignore[attr-defined]
        browser = client_for(cast.ada)
        with OAuth2Client(
            client_id="jit-cli",
            redirect_uri="http://[::1]:50123/callback",
            scope="read act",
            code_challenge_method="S256",
            token_endpoint_auth_method="none",
            trust_env=False,
        ) as session:
            verifier = "v" * 64
            address, _ = session.create_authorization_url(f"{live_server.url}/oauth/authorize", code_verifier=verifier)  # type: ignore[attr-defined]
            shown = browser.get(address.removeprefix(live_server.url)).content.decode()  # type: ignore[attr-defined]
            hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', shown)
            fields = {html.unescape(name): html.unescape(value) for name, value in hidden}
            back = browser.post("/oauth/authorize", fields | {"decision": "allow"})
            location = re.search(r'content="0;url=([^"]+)"', back.content.decode())
            assert location
            token = session.fetch_token(
                f"{live_server.url}/oauth/token",  # type: ignore[attr-defined]
                authorization_response=html.unescape(location[1]),
                code_verifier=verifier,
            )
            assert token["token_type"] == "Bearer"
            assert "refresh_token" not in token
            answer = session.get(f"{live_server.url}/api/v1/me")  # type: ignore[attr-defined]
            assert (answer.status_code, answer.json()["person"]["name"]) == (200, "ada")
            assert answer.json()["assurance"]["level"] == "second-factor"

    def test_the_page_says_who_from_where_for_what_and_how_long(self, cli: CommandLine) -> None:
        page = cli.look()
        text = page.content.decode()
        assert page.status_code == 200
        for words in ("The jit command line", "jit-cli", "127.0.0.1:49152", "12 h", "Act for you", "Ada Okafor"):
            assert words in text, words
        assert "Act for you" not in cli.look(scope="read").content.decode()
        assert page["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
        assert "no-store" in page["Cache-Control"]

    def test_looking_decides_nothing(self, cli: CommandLine) -> None:
        for method in ("get", "head"):
            assert getattr(cli.browser, method)("/oauth/authorize", cli.question() | {"decision": "allow"}).status_code
        assert not AuthorizationCode.objects.exists()
        cli.code()
        assert AuthorizationCode.objects.count() == 1

    def test_the_answer_names_us_and_keeps_the_state(self, cli: CommandLine, settings: object) -> None:
        back = sent_back(cli.answer())
        assert set(back) == {"code", "state", "iss"}
        assert (back["state"], back["iss"]) == (cli.state, settings.PUBLIC_URL)  # type: ignore[attr-defined]

    def test_no_means_no(self, cli: CommandLine) -> None:
        for decision in ("deny", "", "Allow", "yes"):
            back = sent_back(cli.answer(decision))
            assert (back["error"], back["state"]) == ("access_denied", cli.state)
            assert "iss" in back
        assert not AuthorizationCode.objects.exists()
        assert {reason for reason, _ in refusals()} == {"consent-denied"}

    def test_another_site_cannot_press_the_button(self, cli: CommandLine, cast: Cast) -> None:
        strict = Client(enforce_csrf_checks=True)
        assert cli.browser is not None
        strict.cookies = cli.browser.cookies
        form = cli.question() | {"decision": "allow"}
        assert strict.post("/oauth/authorize", form, headers={"Origin": "https://evil.example"}).status_code == 403
        assert strict.post("/oauth/authorize", form).status_code == 403
        assert not AuthorizationCode.objects.exists()

    def test_nobody_signed_in_is_led_to_the_sign_in_and_back(self, db: None) -> None:
        answer = CommandLine(Client()).look()
        assert answer["Location"].startswith("/sign-in?next=%2Foauth%2Fauthorize%3F")


class TestProof:
    def test_an_old_proof_is_asked_for_again_first(self, cast: Cast, client_for: ClientFor) -> None:
        cli = CommandLine(client_for(cast.ada, "stale"))
        for answer in (cli.look(), cli.answer()):
            assert answer.status_code == 302
            assert answer["Location"].startswith("/second-factor?next=%2Foauth%2Fauthorize%3F")
        assert not AuthorizationCode.objects.exists()
        assert AuditEntry.objects.filter(kind="step-up.asked").count() == 2

    def test_max_age_asks_for_a_younger_one_and_never_for_an_older(self, cli: CommandLine, clock: Clock) -> None:
        clock.advance(seconds=120)
        assert cli.look(max_age="60").status_code == 302
        assert cli.look(max_age="0").status_code == 302
        assert cli.look(max_age="130").status_code == 200
        assert cli.look(max_age="99999").status_code == 200
        clock.advance(seconds=200)
        assert cli.look(max_age="99999").status_code == 302

    def test_acr_values_ask_for_a_passkey(self, cli: CommandLine) -> None:
        page = cli.look(acr_values="phishing-resistant")
        assert page.status_code == 200
        assert 'value="allow"' not in page.content.decode()
        assert "passkey" in page.content.decode()
        assert cli.answer(acr_values="phishing-resistant").status_code == 403
        assert cli.look(acr_values="phishing-resistant second-factor").status_code == 200
        assert cli.browser is not None
        session = cli.browser.session
        session[LEVEL] = Level.PHISHING_RESISTANT
        session.save()
        token = cli.sign_in(acr_values="phishing-resistant")
        assert me(token)[1]["assurance"]["level"] == "phishing-resistant"

    def test_odd_wishes_are_told_to_the_client(self, cli: CommandLine) -> None:
        assert sent_back(cli.look(acr_values="gold"))["error"] == "unmet_authentication_requirements"
        for age in ("-1", "x", "1" * 30):
            assert sent_back(cli.look(max_age=age))["error"] == "invalid_request"

    def test_the_token_holds_the_session_and_ends_with_it(self, cli: CommandLine) -> None:
        text = cli.sign_in()
        assert cli.browser is not None
        assert AccessToken.objects.get().session == cli.browser.session[PUBLIC_ID]
        assert me(text)[0] == 200
        cli.browser.post("/sign-out")
        assert me(text)[0] == 401


class TestTheWayBack:
    @pytest.mark.parametrize(
        "address",
        [
            "",
            "https://evil.example/callback",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:80/callback",
            "http://127.0.0.1:99999/callback",
            "http://127.0.0.1:49152/",
            "http://127.0.0.1:49152/callback/..",
            "http://127.0.0.1:49152/callback?x=1",
            "http://127.0.0.1:49152/callback#x",
            "http://localhost:49152/callback",
            "http://user@127.0.0.1:49152/callback",
            "http://127.0.0.1:49152@evil.example/callback",
            "http://127.0.0.1.evil.example:49152/callback",
            "http://127.1:49152/callback",
            "http://[::1%25lo]:49152/callback",
            "http://[::ffff:127.0.0.1]:49152/callback",
            "https://127.0.0.1:49152/callback",
            "javascript:alert(1)",
            "http://127.0.0.1:049152/callback",
            "HTTP://127.0.0.1:49152/callback",
            'http://127.0.0.1:49152/callback"><script>',
            "http://127.0.0.1:49152/callback\\",
        ],
    )
    def test_any_other_address_is_shown_to_the_person_and_sent_nowhere(self, cli: CommandLine, address: str) -> None:
        for answer in (cli.look(redirect_uri=address), cli.answer(redirect_uri=address)):
            assert answer.status_code == 400, address
            assert "Location" not in answer
            assert "http-equiv" not in answer.content.decode()
            assert "<script>alert" not in answer.content.decode()
        assert refusals()

    def test_the_loopback_by_either_number(self, cli: CommandLine) -> None:
        for address in (REDIRECT, "http://[::1]:1024/callback", "http://127.0.0.1:65535/callback"):
            assert cli.look(redirect_uri=address).status_code == 200, address

    def test_an_unknown_client_is_sent_nowhere(self, cli: CommandLine) -> None:
        for client_id in ("jit-clj", "", "x" * 300, "JIT-CLI"):
            assert cli.look(client_id=client_id).status_code == 400, client_id

    def test_what_else_is_wrong_is_told_to_the_client(self, cli: CommandLine) -> None:
        cases = {
            "unsupported_response_type": ({"response_type": "token"}, {"response_type": 'c"ode'}),
            "invalid_scope": ({"scope": "admin"}, {"scope": "read read2"}, {"scope": "x" * 500}),
            "invalid_request": (
                {"code_challenge_method": "plain"},
                {"code_challenge_method": None},
                {"code_challenge": None},
                {"code_challenge": "short"},
            ),
        }
        for error, bent in cases.items():
            for changes in bent:
                for answer in (cli.look(**changes), cli.answer(**changes)):
                    back = sent_back(answer)
                    assert (back["error"], back["state"]) == (error, cli.state), changes
                    assert "code" not in back
        assert not AuthorizationCode.objects.exists()

    @pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "scope", "code_challenge", "max_age", "x"])
    def test_a_parameter_twice_is_refused(self, cli: CommandLine, name: str) -> None:
        asked = {key: [value] for key, value in cli.question().items()}
        asked[name] = [*asked.get(name, ["1"]), "1"]
        assert cli.browser is not None
        assert cli.browser.get("/oauth/authorize", asked).status_code == 400
        assert cli.browser.post("/oauth/authorize", asked | {"decision": ["allow"]}).status_code == 400

    def test_huge_and_odd_values_are_refused(self, cli: CommandLine) -> None:
        for changes in ({"state": "s" * 3000}, {"state": "a\x00b"}, {"state": "ä"}, {"state": "a\r\nb: c"}):
            assert cli.look(**changes).status_code == 400, changes

    def test_other_methods_are_not_known(self, cli: CommandLine) -> None:
        assert cli.browser is not None
        assert cli.browser.put("/oauth/authorize").status_code == 405


class TestCodes:
    def test_a_code_is_good_once_and_its_second_use_ends_the_token(self, cli: CommandLine) -> None:
        code = cli.code()
        text = cli.redeem(code).json()["access_token"]
        assert me(text)[0] == 200
        again = cli.redeem(code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert me(text)[0] == 401
        record = AuditEntry.objects.get(kind="access-token.revoked")
        assert "code-sent-twice" in record.body

    def test_it_lasts_a_minute(self, cli: CommandLine, clock: Clock) -> None:
        late, early = cli.code(), cli.code()
        clock.advance(seconds=59)
        assert cli.redeem(early).status_code == 200
        clock.advance(seconds=1)
        assert cli.redeem(late).json()["error"] == "invalid_grant"

    @pytest.mark.parametrize(
        "changes",
        [
            {"code_verifier": "w" * 64},
            {"code_verifier": None},
            {"redirect_uri": "http://127.0.0.1:49153/callback"},
            {"redirect_uri": None},
        ],
    )
    def test_a_wrong_companion_uses_it_up(self, cli: CommandLine, changes: dict[str, str | None]) -> None:
        code = cli.code()
        assert cli.redeem(code, **changes).status_code == 400
        assert cli.redeem(code).status_code == 400
        assert not AccessToken.objects.exists()

    def test_unknown_ones_and_unknown_clients(self, cli: CommandLine) -> None:
        assert cli.redeem("x" * 43).json()["error"] == "invalid_grant"
        assert cli.redeem("").json()["error"] == "invalid_request"
        assert cli.redeem(cli.code(), client_id="nobody").json()["error"] == "invalid_client"
        assert cli.redeem(cli.code(), client_id=None).json()["error"] == "invalid_client"
        assert cli.redeem(cli.code(), client_secret="x").json()["error"] == "invalid_client"

    def test_its_session_must_still_be_there(self, cli: CommandLine) -> None:
        code = cli.code()
        assert cli.browser is not None
        cli.browser.post("/sign-out")
        assert cli.redeem(code).json()["error"] == "invalid_grant"
        assert ("signed-out", "") in refusals()

    @pytest.mark.parametrize("end", [end_sessions, lock_account])
    def test_its_account_must_still_be_there(self, cli: CommandLine, cast: Cast, end: Callable[..., None]) -> None:
        code = cli.code()
        end(actor=GATEWAY, user=cast.ada)
        assert cli.redeem(code).json()["error"] == "invalid_grant"
        assert not AccessToken.objects.exists()

    def test_neither_code_nor_token_is_kept(self, cli: CommandLine) -> None:
        code = cli.code()
        text = cli.redeem(code).json()["access_token"]
        kept = str(list(AuthorizationCode.objects.values())) + str(list(AccessToken.objects.values()))
        kept += "".join(entry.body for entry in AuditEntry.objects.all())
        assert code not in kept
        assert text.split("_")[3] not in kept


class TestTheTokenEndpoint:
    def test_answers_are_never_stored(self, cli: CommandLine) -> None:
        for answer in (cli.redeem(cli.code()), cli.redeem("x")):
            assert "no-store" in answer["Cache-Control"]
            assert answer["Content-Type"] == "application/json"

    def test_only_a_form_that_is_posted(self, cli: CommandLine) -> None:
        client = Client()
        body = "grant_type=authorization_code&client_id=jit-cli&code=x"
        form = "application/x-www-form-urlencoded"
        for method in ("get", "put", "delete"):
            answer = getattr(client, method)("/oauth/token")
            assert (answer.status_code, answer["Allow"]) == (405, "POST")
        assert client.post(f"/oauth/token?{body}", body, content_type=form).json()["error"] == "invalid_request"
        assert client.post("/oauth/token", "{}", content_type="application/json").json()["error"] == "invalid_request"
        assert client.post("/oauth/token", f"{body}&code=y", content_type=form).json()["error"] == "invalid_request"
        huge = client.post("/oauth/token", body + "&x=" + "y" * 70_000, content_type=form)
        assert huge.status_code == 413
        assert client.post("/oauth/token", body, content_type=form).json()["error"] == "invalid_grant"

    @pytest.mark.parametrize("grant", [None, "", "password", "implicit", "refresh_token", 'x"y\\z', "x" * 3000])
    def test_other_grants_are_not_known(self, db: None, grant: str | None) -> None:
        answer = send("/oauth/token", grant_type=grant, client_id="jit-cli")
        assert answer.status_code == 400
        assert answer.json()["error"] in {"unsupported_grant_type", "invalid_request"}

    @pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic /////w==", "Bearer x", "Basic aml0LWNsaTo=", "x y"])
    def test_odd_headers_authenticate_nobody(self, db: None, header: str) -> None:
        fields = {"grant_type": "authorization_code", "client_id": "jit-cli", "code": "x"}
        answer = send("/oauth/token", {"Authorization": header}, **fields)
        assert answer.status_code in {400, 401}

    def test_a_session_beside_it_means_nothing(self, cli: CommandLine) -> None:
        assert cli.browser is not None
        answer = cli.browser.post("/oauth/token", {"grant_type": "authorization_code"})
        assert answer.status_code == 400

    def test_many_bad_ones_are_told_to_wait(self, db: None) -> None:
        answers = [send("/oauth/token", grant_type="x").status_code for _ in range(70)]
        assert answers == [400] * 60 + [429] * 10
        assert AuditEntry.objects.filter(kind="oauth.refused").count() < 20

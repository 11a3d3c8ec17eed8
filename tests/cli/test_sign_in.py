"""Answers of a sign-in that are somebody else's are not used (RFC 8414, 3.3; RFC 9207)."""

from __future__ import annotations

import pytest

from jit_access.cli import sign_in
from jit_access.cli.settings import make_site
from jit_access.cli.troubles import Trouble

HERE, ELSEWHERE = "https://jit.example.com", "https://evil.example.com"
SITE = make_site(HERE)
METADATA = {"issuer": HERE, "authorization_response_iss_parameter_supported": True}


def test_answer_of_this_gateway_is_used() -> None:
    sign_in._check_answer({"iss": HERE, "code": "c", "state": "s"}, SITE, METADATA)


@pytest.mark.parametrize("answer", [{"code": "c", "iss": ELSEWHERE}, {"code": "c"}, {"error": "x", "iss": ELSEWHERE}])
def test_answer_of_another_issuer_is_not(answer: dict[str, str]) -> None:
    with pytest.raises(Trouble) as refused:
        sign_in._check_answer(answer, SITE, METADATA)
    assert refused.value.code == "issuer-mismatch"


def test_refusal_is_told_in_the_words_of_the_page() -> None:
    with pytest.raises(Trouble, match="You said no") as refused:
        sign_in._check_answer(
            {"iss": HERE, "error": "access_denied", "error_description": "You said no."}, SITE, METADATA
        )
    assert refused.value.code == "access_denied"


def test_metadata_of_another_issuer_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"issuer": HERE, "token_endpoint": f"{HERE}/oauth/token"}
    monkeypatch.setattr(sign_in.Client, "call", lambda *_: said)
    assert sign_in.read_metadata(SITE) == said
    for issuer in (ELSEWHERE, f"{HERE}.evil.example.com", "", None):
        said["issuer"] = issuer  # type: ignore[assignment]  # as a server may say
        with pytest.raises(Trouble) as refused:
            sign_in.read_metadata(SITE)
        assert refused.value.code == "issuer-mismatch"


@pytest.mark.parametrize(
    "address", [f"{ELSEWHERE}/oauth/token", f"{HERE}.evil.example.com/x", "http://jit.example.com/x", None]
)
def test_endpoint_is_at_the_gateway_itself(address: str | None) -> None:
    with pytest.raises(Trouble):
        sign_in._endpoint(SITE, {"token_endpoint": address}, "token_endpoint")
    assert sign_in._endpoint(SITE, {"token_endpoint": f"{HERE}/oauth/token"}, "token_endpoint") == "/oauth/token"


def test_challenge_is_that_of_rfc_7636() -> None:
    """Appendix B of the standard."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert sign_in._challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

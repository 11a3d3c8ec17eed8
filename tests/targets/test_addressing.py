from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.core.secret import Secret
from jit_access.domain.errors import CallerError
from jit_access.targets.addressing import Beside, NewTarget, parse_base_url, parse_new_target

GOOD = NewTarget("prod-registry", "Production weights", "https://registry.example", "gateway", Secret("pässword"))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://registry.example", "https://registry.example"),
        ("https://registry.example/", "https://registry.example"),
        ("HTTPS://Registry.Example:443", "https://registry.example"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
        ("  https://registry.example:8443 ", "https://registry.example:8443"),
    ],
)
def test_addresses_have_one_form(text: str, canonical: str) -> None:
    assert parse_base_url(text, allow_private=True) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "registry.example",
        "ftp://registry.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///v2/",
        "https://user:pass@registry.example",
        "https://@registry.example",
        "https://registry.example/v2/",
        "https://registry.example?x=1",
        "https://registry.example?",
        "https://registry.example#x",
        "https://registry.example:0",
        "https://registry.example:99999",
        "https://registry.example:x",
        "https://[::1",
        "https://regi stry.example",
        "https://registry.example\r\nX: 1",
        "https://registry\\@evil.example",
        "https://régistry.example",
        "https://-registry.example",
        "https://registry_example",
        "https://" + "a" * 300,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(CallerError) as caught:
        parse_base_url(text, allow_private=True)
    assert caught.value.fields["field"] == "base_url"


def test_plain_http_is_for_private_networks() -> None:
    assert parse_base_url("http://registry.example", allow_private=True) == "http://registry.example"
    with pytest.raises(CallerError, match="Use https"):
        parse_base_url("http://registry.example", allow_private=False)


@given(st.text(max_size=80))
def test_what_is_accepted_is_scheme_and_host_only(text: str) -> None:
    try:
        url = parse_base_url(f"https://{text}", allow_private=False)
    except CallerError:
        return
    assert url.startswith("https://")
    assert not set(url[8:]) & set("/@?#\\ %")
    assert parse_base_url(url, allow_private=False) == url


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "Prod"}, "slug"),
        ({"slug": "a--b"}, "slug"),
        ({"slug": "-a"}, "slug"),
        ({"slug": "a/b"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "a" * 64}, "slug"),
        ({"slug": "prod\n"}, "slug"),
        ({"display_name": "  "}, "display_name"),
        ({"display_name": "a" * 121}, "display_name"),
        ({"display_name": "Prod\u202eregistry"}, "display_name"),
        ({"username": "a:b"}, "username"),
        ({"username": "a\nb"}, "username"),
        ({"username": "a" * 201}, "username"),
        ({"password": Secret("a\nb")}, "password"),
        ({"password": Secret("a" * 4097)}, "password"),
        ({"kind": "ftp"}, "kind"),
    ],
)
def test_each_field_is_bounded_and_named(change: dict[str, object], field: str) -> None:
    assert parse_new_target(GOOD) == GOOD
    with pytest.raises(CallerError) as caught:
        parse_new_target(replace(GOOD, **change))  # type: ignore[arg-type]
    assert caught.value.fields["field"] == field


def test_places_beside_https_are_https_and_few() -> None:
    secure, plain = Beside("https://registry.example", True), Beside("http://registry.example", True)
    assert plain.parse("token_origins", ["http://auth.example"]) == ("http://auth.example",)
    assert secure.parse("token_origins", ["https://auth.example", "https://registry.example"]) == (
        "https://auth.example",
    )
    too_many = [f"https://store-{number}.example" for number in range(9)]
    assert len(secure.parse("redirect_origins", too_many[:8])) == 8
    for beside, texts in (
        (secure, ["http://auth.example"]),
        (secure, too_many),
        (Beside("http://registry.example", False), ["http://auth.example"]),
    ):
        with pytest.raises(CallerError) as caught:
            beside.parse("token_origins", texts)
        assert caught.value.fields["field"] == "token_origins"

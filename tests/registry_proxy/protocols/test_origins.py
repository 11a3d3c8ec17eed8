"""One host, one reading: what a registry may write as the place to go."""

from __future__ import annotations

import pytest

from registry_proxy.protocols.origins import Origin, parse_origin, parse_reference, parse_url


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://registry.example", Origin("https", "registry.example", 443), "/"),
        ("HTTPS://Registry.Example:443/v2/?a=b", Origin("https", "registry.example", 443), "/v2/?a=b"),
        ("http://my_registry:5000/x", Origin("http", "my_registry", 5000), "/x"),
        ("http://[2001:db8::1]:80/", Origin("http", "2001:db8::1", 80), "/"),
        ("http://192.0.2.1/", Origin("http", "192.0.2.1", 80), "/"),
        ("https://1password.example/", Origin("https", "1password.example", 443), "/"),
    ],
)
def test_plain_urls_are_taken_apart(url: str, origin: Origin, path: str) -> None:
    assert parse_url(url) == (origin, path)


@pytest.mark.parametrize(
    "url",
    [
        "http://2852039166/", "http://0xa9fea9fe/", "http://0251.0376.0251.0376/", "http://169.254.43518/",
        "http://0x7f.1/", "http://127.1/", "http://01.02.03.04/", "http://1.2.3.4.5/", "http://0x/",
        "http://[fe80::1%25eth0]/", "http://[::1/", "http://[v1.x]/", "http://registry.example./", "http://-x/",
        "http://user@registry.example/", "http://user:pw@registry.example/", "http://@registry.example/",
        "http://registry.example#@evil.example/", "http://registry.example/#", "http://evil.example\\@registry/",
        "http://registry .example/", "http://registry\t.example/", "http://registry.example\r\nx: y/",
        "http://xn--e1afmkfd\u0301.example/", "http://реестр.example/", "http://registry.example:99999/",
        "http://registry.example:0/", "http://registry.example:x/", "http:///path", "file:///etc/passwd",
        "gopher://registry.example/", "ftp://registry.example/", "//registry.example/", "javascript:alert(1)", "",
        "http://%31%32%37.0.0.1/", "http://a%2eb/", "http://a,b/", "http://[::ffff:1.2.3]/",
    ],
)  # fmt: skip
def test_doubtful_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_url(url)


def test_origin_has_no_path() -> None:
    assert str(parse_origin("https://Auth.Example:443")) == "https://auth.example"
    for text in ("https://auth.example/token", "https://auth.example?x", "https://auth.example/?"):
        with pytest.raises(ValueError, match=r"."):
            parse_origin(text)


def test_reference_is_checked_before_it_is_joined() -> None:
    """`urljoin` drops tabs and line breaks, so `http://a<tab>.b` would become a host that nobody wrote."""
    base = "http://registry.example/v2/a/blobs/x"
    assert parse_reference(base, b"../y?z=1")[1] == "/v2/a/y?z=1"
    assert parse_reference(base, b"//cdn.example/y")[0].host == "cdn.example"
    for value in (
        b"http://cdn.example\t.evil/", b" http://cdn.example/", b"http:\\\\cdn.example/", b"http:cdn.example/x", b"a:b",
        b"///x", b"//", b"http:///x", b"http://?x", b"",
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"."):
            parse_reference(base, value)

"""A wrong environment stops the start with one sentence that names the variable and never its value."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from registry_proxy.settings import Address, Secret, Settings, SettingsError

GOOD = {
    "JIT_CONTROL_URL": "https://control.example.test/",
    "JIT_PUBLIC_URL": "https://access.example.test",
    "JIT_SPOOL_DIR": "/var/spool/jit",
    "JIT_REDIS_URL": "redis://:redis-password@redis.example.test:6379/0",
    "JIT_PROXY_SECRET": "a shared secret of some length",
    "JIT_VIEW_KEY": "ab" * 32,
}


def test_good_environment_with_house_defaults() -> None:
    settings = Settings.from_environ(GOOD)
    assert settings.listen == Address("127.0.0.1", 8080)
    assert settings.tls_listen is None
    assert settings.admin_listen is None
    assert settings.control_url == "https://control.example.test"
    assert settings.view_key == b"\xab" * 32
    assert settings.limits.header_bytes == 32 * 1024
    assert settings.limits.connections == 1024


def test_secret_from_a_file_wins(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("the secret of the file\n")
    settings = Settings.from_environ(GOOD | {"JIT_PROXY_SECRET_FILE": str(file)})
    assert settings.proxy_secret.reveal() == "the secret of the file"


@pytest.mark.parametrize("name", ["s3.gateway.example", "localhost", "s3-1.example"])
def test_a_name_for_buckets_is_a_bare_host(name: str) -> None:
    assert Settings.from_environ(GOOD).bucket_host == ""
    assert Settings.from_environ(GOOD | {"JIT_PROXY_BUCKET_HOST": name}).bucket_host == name
    for wrong in (f"https://{name}", f"{name}:8443", f".{name}", f"{name}.", f"*.{name}", name.upper(), "127.0.0.1"):
        with pytest.raises(SettingsError, match="JIT_PROXY_BUCKET_HOST must be a host name"):
            Settings.from_environ(GOOD | {"JIT_PROXY_BUCKET_HOST": wrong})


def test_addresses_are_read() -> None:
    settings = Settings.from_environ(GOOD | {"JIT_PROXY_LISTEN": "[::1]:0", "JIT_PROXY_ADMIN_LISTEN": "127.0.0.1:9000"})
    assert settings.listen == Address("::1", 0)
    assert settings.admin_listen == Address("127.0.0.1", 9000)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_missing_variable_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} .*is not set\.$"):
        Settings.from_environ({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JIT_PROXY_LISTEN", "0.0.0.0"),  # noqa: S104  # refused, not bound
        ("JIT_PROXY_LISTEN", "127.0.0.1:99999"),
        ("JIT_CONTROL_URL", "ftp://control"),
        ("JIT_CONTROL_URL", "https://user:marker@control.example.test"),
        ("JIT_PUBLIC_URL", "access.example.test"),
        ("JIT_REDIS_URL", "marker-host:6379"),
        ("JIT_PROXY_SECRET", "marker"),
        ("JIT_VIEW_KEY", "marker"),
        ("JIT_VIEW_KEY", "abcd"),
        ("JIT_PROXY_ID", "Marker!"),
        ("JIT_LOG_LEVEL", "marker"),
        ("JIT_PROXY_CONNECTIONS", "-1"),
        ("JIT_PROXY_CONNECTIONS", "0"),
        ("JIT_PROXY_TLS_CERT", "/no/marker.pem"),
        ("JIT_PROXY_SECRET_FILE", "/no/marker"),
    ],
)
def test_wrong_value_is_refused_without_being_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(GOOD | {name: value})
    assert str(caught.value).startswith(name)
    assert value not in str(caught.value)
    assert "marker" not in str(caught.value).lower()


def test_tls_needs_its_files(tmp_path: Path) -> None:
    tls = {"JIT_PROXY_TLS_LISTEN": "127.0.0.1:8443"}
    with pytest.raises(SettingsError, match="JIT_PROXY_TLS_CERT"):
        Settings.from_environ(GOOD | tls)
    pem = tmp_path / "tls.pem"
    pem.touch()
    settings = Settings.from_environ(GOOD | tls | {"JIT_PROXY_TLS_CERT": str(pem), "JIT_PROXY_TLS_KEY": str(pem)})
    assert settings.tls_listen == Address("127.0.0.1", 8443)


def test_settings_do_not_print_their_secrets() -> None:
    shown = repr(Settings.from_environ(GOOD))
    for secret in ("redis-password", GOOD["JIT_PROXY_SECRET"], "abab", "\\xab"):
        assert secret not in shown


def test_secret_refuses_to_leave() -> None:
    secret = Secret("canary")
    assert secret.reveal() == "canary"
    assert "canary" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)

"""The sign-in on this machine: nobody else reads it, nothing is half written, and two commands at once lose nothing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import types
from pathlib import Path

import pytest

from jit_access.cli import files, store
from jit_access.cli.settings import keep_site, make_site, read_site
from jit_access.cli.store import Held
from jit_access.cli.troubles import Exit, Trouble
from jit_access.demo.stack.layout import ROOT

HERE = "https://jit.example.com"
TOKEN = "jita_api_secret"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, and nothing of the developer's."""
    for name in [name for name in os.environ if name.startswith(("JIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def tokens_file(home: Path) -> Path:
    return home / ".local/state/jit/tokens.json"


def test_sign_in_is_kept_for_its_gateway_alone(home: Path) -> None:
    store.keep(HERE, Held(TOKEN, username="ada"))
    store.keep("https://other.example.com", Held("other"))
    assert store.find(HERE) == Held(TOKEN, username="ada")
    assert store.find("https://jit.example.com:8443") is None
    store.forget(HERE)
    assert store.find(HERE) is None
    assert store.find("https://other.example.com") == Held("other")
    assert TOKEN not in tokens_file(home).read_text()


def test_nobody_else_can_read_it(home: Path) -> None:
    before = os.umask(0)
    try:
        store.keep(HERE, Held(TOKEN))
        keep_site(make_site(HERE))
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")}
    assert modes["tokens.json"] == modes["config.json"] == 0o600
    assert modes["jit"] == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_file_that_others_can_read_is_not_used(home: Path, mode: int) -> None:
    store.keep(HERE, Held(TOKEN))
    tokens_file(home).chmod(mode)
    with pytest.raises(Trouble, match="can be read by others") as refused:
        store.find(HERE)
    assert f"chmod 600 {tokens_file(home)}" in refused.value.advice
    tokens_file(home).chmod(0o600)
    assert store.find(HERE) == Held(TOKEN)


def test_link_in_its_place_is_not_followed(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    store.keep(HERE, Held(TOKEN))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "tokens.json"
    tokens_file(home).rename(elsewhere)
    tokens_file(home).symlink_to(elsewhere)
    with pytest.raises(Trouble, match="cannot be read"):
        store.find(HERE)


@pytest.mark.parametrize("text", ["", "{", "[]", "nothing", "[" * 5000])
def test_file_that_is_not_ours_is_told(home: Path, text: str) -> None:
    store.keep(HERE, Held(TOKEN))
    tokens_file(home).write_text(text)
    with pytest.raises(Trouble, match="not what `jit` wrote"):
        store.find(HERE)


def test_failed_write_leaves_what_was_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep(HERE, Held(TOKEN))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.keep(HERE, Held("new"))
    assert store.find(HERE) == Held(TOKEN)
    assert [path.name for path in tokens_file(home).parent.iterdir() if path.name.endswith(".new")] == []


def test_many_commands_at_once_lose_nothing(home: Path) -> None:
    code = "import sys; from jit_access.cli import store; store.keep(sys.argv[1], store.Held(sys.argv[1]))"
    sites = [f"https://gate-{number}.test" for number in range(8)]
    environment = os.environ | {"HOME": str(home), "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen([sys.executable, "-S", "-c", code, site], env=environment) for site in sites]
    assert [one.wait(timeout=60) for one in running] == [0] * len(sites)
    assert [store.find(site) for site in sites] == [Held(site) for site in sites]


def test_environment_wins_and_its_file_is_checked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep(HERE, Held(TOKEN))
    monkeypatch.setenv("JIT_TOKEN", " from-environment\n")
    assert store.find(HERE) == Held("from-environment")
    path = home / "token"
    path.write_text("from-file\n")
    path.chmod(0o600)
    monkeypatch.setenv("JIT_TOKEN_FILE", str(path))
    assert store.find(HERE) == Held("from-file")
    path.chmod(0o644)
    with pytest.raises(Trouble, match="can be read by others"):
        store.find(HERE)


@pytest.mark.parametrize("text", ["", "two words", "line\nline", "tokén", "x" * 5000, "a\x00b"])
def test_what_cannot_stand_in_a_header_is_no_token(text: str) -> None:
    with pytest.raises(Trouble):
        store.check_token(text)
    assert store.check_token(f" {TOKEN}\n") == TOKEN


def test_keyring_holds_the_token_where_one_asks_for_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[tuple[str, str], str] = {}
    ring = types.ModuleType("keyring")
    ring.set_password = lambda service, name, text: kept.__setitem__((service, name), text)  # type: ignore[attr-defined]
    ring.get_password = lambda service, name: kept.get((service, name))  # type: ignore[attr-defined]
    ring.delete_password = lambda service, name: kept.pop((service, name))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    store.keep(HERE, Held(TOKEN), in_keyring=True)
    assert TOKEN not in tokens_file(home).read_text()
    assert store.find(HERE) == Held(TOKEN)
    store.keep(HERE, Held("renewed"))
    assert list(kept.values()) == ["renewed"]
    store.forget(HERE)
    assert kept == {}


def test_missing_keyring_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(Trouble, match="no keyring module"):
        store.keep(HERE, Held(TOKEN), in_keyring=True)
    assert store.find(HERE) is None


def test_token_is_not_in_the_text_of_what_holds_it() -> None:
    assert TOKEN not in repr(Held(TOKEN)) + str(Held(TOKEN))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://jit.example.com", HERE),
        ("jit.example.com", HERE),
        ("https://jit.example.com/", HERE),
        ("https://jit.example.com:8443", f"{HERE}:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_address_is_read(given: str, address: str) -> None:
    assert make_site(given).address == address


@pytest.mark.parametrize(
    "given",
    ["ftp://host", "https://", "https://user@host", "https://host/path", "https://host?x", "https://ho st", "https://host:port",
     "https://host#x", "https://[", "http://localhost.evil.test", "http://127.0.0.1.evil.test", "http://10.0.0.1"],
)  # fmt: skip
def test_address_that_is_none_or_not_encrypted_is_refused(given: str) -> None:
    with pytest.raises(Trouble) as refused:
        make_site(given)
    assert refused.value.status == Exit.USAGE


def test_plain_http_elsewhere_has_to_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Trouble, match="not encrypted") as refused:
        make_site("http://jit.internal")
    assert "JIT_ALLOW_HTTP" in refused.value.advice
    monkeypatch.setenv("JIT_ALLOW_HTTP", "1")
    assert make_site("http://jit.internal").address == "http://jit.internal"


def test_site_is_the_option_then_the_variable_then_what_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Trouble, match="No gateway is named"):
        read_site()
    keep_site(make_site(HERE, "/etc/ca.pem"))
    assert read_site() == make_site(HERE, "/etc/ca.pem")
    monkeypatch.setenv("JIT_ADDR", "https://second.example.com")
    assert read_site() == make_site("https://second.example.com")  # another gateway has other authorities
    assert read_site("https://third.example.com").address == "https://third.example.com"
    monkeypatch.setenv("JIT_CA_FILE", "/etc/other.pem")
    assert read_site(HERE) == make_site(HERE, "/etc/other.pem")


def test_kept_file_is_small_json_without_a_token(home: Path) -> None:
    keep_site(make_site(HERE))
    assert json.loads((home / ".config/jit/config.json").read_text()) == {"address": HERE, "ca_file": ""}

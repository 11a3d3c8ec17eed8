"""Ports that do not collide, secrets that only their owner reads, a certificate that clients can check."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from jit_access.demo.bootstrap.errors import CannotGoOn
from jit_access.demo.stack.certificates import ensure_certificates
from jit_access.demo.stack.keys import ensure_keys, environment, write_private
from jit_access.demo.stack.layout import Layout, Ports, refuse_taken_ports
from tests.support.processes import free_port


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "var", Ports.from_base(8000))
    made.make_folders()
    return made


def test_usual_ports() -> None:
    assert Ports.from_base(8000) == Ports(8000, 8080, 8443, 5001, (8081,))


def test_another_base_moves_every_port() -> None:
    usual, moved = Ports.from_base(8000).named(), Ports.from_base(9000).named()
    assert {name: port - usual[name] for name, port in moved.items()} == dict.fromkeys(usual, 1000)


@pytest.mark.parametrize("base", [0, 80, 3999, 60_001, 100_000])
def test_impossible_base_is_refused(base: int) -> None:
    with pytest.raises(CannotGoOn, match="--port"):
        Ports.from_base(base)


def test_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        ports = Ports(free_port(), taken, free_port(), free_port(), ())
        with pytest.raises(CannotGoOn, match=rf"Port {taken} \(gateway\) is taken.*--port \d+"):
            refuse_taken_ports(ports)
    refuse_taken_ports(ports)


def test_secrets_are_private_and_kept(layout: Layout) -> None:
    ensure_keys(layout)
    made = {path.name: path.read_text() for path in layout.secrets.iterdir()}
    assert {"secret_key", "proxy_secret", "view_key", "registry_password"} <= made.keys()
    assert mode(layout.secrets) == 0o700
    assert {mode(path) for path in layout.secrets.iterdir()} == {0o600}
    ensure_keys(layout)
    assert {path.name: path.read_text() for path in layout.secrets.iterdir()} == made


def test_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    path.write_text("open to all")
    path.chmod(0o644)
    write_private(path, "mine", replace=True)
    assert (path.read_text(), mode(path)) == ("mine", 0o600)


def test_environment_of_the_caller_does_not_leak_in(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIT_PROXY_SECRET", "left over from another shell")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    env = environment(layout)
    assert "JIT_PROXY_SECRET" not in env
    assert env["SOMETHING_ELSE"] == "kept"
    assert env["JIT_PROXY_SECRET_FILE"] == str(layout.secrets / "proxy_secret")


def test_long_folder_gets_a_socket_that_fits(tmp_path: Path) -> None:
    deep = Layout(tmp_path / ("x" * 90) / "var", Ports.from_base(8000))
    assert len(str(deep.redis_socket)) < 100
    assert deep.redis_socket != Layout(tmp_path / ("y" * 90) / "var", Ports.from_base(8000)).redis_socket


def test_certificate_is_trusted_through_the_authority_alone(layout: Layout) -> None:
    ensure_certificates(layout.tls)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(layout.tls / "localhost.pem", layout.tls / "localhost.key")
    client = ssl.create_default_context(cafile=str(layout.tls / "ca.pem"))
    for name in ("localhost", "127.0.0.1"):
        assert _handshake(server, client, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(server, client, "elsewhere.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(server, ssl.create_default_context(), "localhost")


def test_good_certificate_is_kept(layout: Layout) -> None:
    ensure_certificates(layout.tls)
    first = (layout.tls / "localhost.pem").read_bytes()
    ensure_certificates(layout.tls)
    assert (layout.tls / "localhost.pem").read_bytes() == first
    assert mode(layout.tls / "localhost.key") == 0o600


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bool:
    ours, theirs = socket.socketpair()

    def answer() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except (ssl.SSLError, OSError):  # the client hung up: its side tells why
            theirs.close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        client.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        thread.join(timeout=60)
    return True


def test_each_database_has_a_witness_of_its_own(tmp_path: Path) -> None:
    """A witness is about one log: sharing it would make a switch of the database look like a replaced log."""
    databases = ("sqlite", "postgres", "postgresql://one/jit", "postgresql://two/jit")
    layouts = [Layout(tmp_path, Ports.from_base(8000), database) for database in databases]
    files = [environment(layout)["JIT_AUDIT_WITNESS_FILE"] for layout in layouts]
    assert len(set(files)) == len(files)
    assert environment(layouts[0])["JIT_AUDIT_WITNESS_FILE"] == files[0]

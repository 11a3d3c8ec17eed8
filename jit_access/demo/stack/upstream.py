"""The registry that the demo guards: Debian's `docker-registry` where it is installed, else our small one."""

from __future__ import annotations

import ctypes
import ctypes.util
import secrets
import shutil
import string
import sys

from jit_access.demo.stack.keys import write_private
from jit_access.demo.stack.layout import Layout

USERNAME = "gateway"
_SALT_LETTERS = "./" + string.ascii_letters + string.digits
_BCRYPT_COST = "04"  # checked on every upstream request, and a random password of 192 bits needs no stretching


def registry_service_command(layout: Layout) -> tuple[str, ...]:
    """The command that serves the upstream on its port. Writes its configuration."""
    binary = shutil.which("docker-registry")
    password = (layout.secrets / "registry_password").read_text(encoding="utf-8")
    hashed = _bcrypt(password) if binary else None
    if binary is None or hashed is None:
        data = str(layout.registry / "embedded")
        login = str(layout.secrets / "registry_password")
        server = (sys.executable, "-m", "jit_access.demo.registry", "--folder", data)
        return (*server, "--port", str(layout.ports.registry), "--username", USERNAME, "--password-file", login)
    layout.registry.mkdir(mode=0o700, exist_ok=True)
    write_private(layout.registry / "htpasswd", f"{USERNAME}:{hashed}\n", replace=True)
    write_private(layout.registry / "config.yml", _configuration(layout), replace=True)
    return (binary, "serve", str(layout.registry / "config.yml"))


def kind_of_upstream() -> str:
    """In words, for the doctor."""
    if shutil.which("docker-registry") is None:
        return "the embedded demo registry"
    return "docker-registry" if _bcrypt("probe") else "the embedded demo registry (no bcrypt in this C library)"


def _configuration(layout: Layout) -> str:
    return f"""version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {layout.registry / "data"}}}
  delete: {{enabled: true}}
http:
  addr: 127.0.0.1:{layout.ports.registry}
auth:
  htpasswd: {{realm: demo-registry, path: {layout.registry / "htpasswd"}}}
"""


def _bcrypt(password: str) -> str | None:
    """docker-registry takes bcrypt only, and Python has none; the C library does nearly everywhere."""
    name = ctypes.util.find_library("crypt")
    if name is None:
        return None
    crypt = ctypes.CDLL(name).crypt
    crypt.restype = ctypes.c_char_p
    salt = "".join(secrets.choice(_SALT_LETTERS) for _ in range(21)) + "."
    hashed: bytes | None = crypt(password.encode(), f"$2b${_BCRYPT_COST}${salt}".encode())
    is_right = hashed is not None and hashed.startswith(b"$2b$") and len(hashed) == 60
    return hashed.decode() if hashed and is_right else None

"""Where the keys that wrap other keys come from.

A provider knows one sealing key and every key that may still open. Rotation is: add a line at the end of the file,
reseal what is stored, remove the old line. Keys never leave this module in a message, a log or an exception.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason

KEY_BYTES = 32
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_MAX_FILE_BYTES = 64 * 1024


class UnknownKey(GatewayError):
    """A stored secret names a key that the provider does not hold (any more)."""

    def __init__(self, key_id: str) -> None:
        super().__init__(Reason.INTERNAL_ERROR, f"No key named {key_id!r} is loaded.", key_id=key_id)


class KeyProvider(Protocol):
    """Anything that hands out key-encryption keys: a file, a test, later a key management service."""

    def sealing_key(self) -> tuple[str, bytes]:
        """The id and the 32 bytes of the key that seals from now on."""
        ...

    def opening_key(self, key_id: str) -> bytes:
        """The key with this id. Raises: UnknownKey."""
        ...


@dataclass(frozen=True, slots=True)
class LocalKeyProvider:
    """Keys held in memory, in order; the last one seals. For tests and as the parsed form of a key file."""

    keys: tuple[tuple[str, bytes], ...] = field(repr=False)

    @classmethod
    def generate(cls, key_id: str = "local") -> LocalKeyProvider:
        return cls(((key_id, secrets.token_bytes(KEY_BYTES)),))

    def sealing_key(self) -> tuple[str, bytes]:
        return self.keys[-1]

    def opening_key(self, key_id: str) -> bytes:
        for known_id, key in self.keys:
            if known_id == key_id:
                return key
        raise UnknownKey(key_id)


class FileKeyProvider:
    """Keys from a file of `key_id:hex` lines. A changed file is read again, so that rotation needs no restart."""

    def __init__(self, path: Path, *, is_strict: bool) -> None:
        self._path = path
        self._is_strict = is_strict
        self._stamp: tuple[int, int, int] | None = None
        self._held: LocalKeyProvider | None = None

    def sealing_key(self) -> tuple[str, bytes]:
        return self._keys().sealing_key()

    def opening_key(self, key_id: str) -> bytes:
        return self._keys().opening_key(key_id)

    def _keys(self) -> LocalKeyProvider:
        try:
            facts = self._path.stat()
            stamp = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
            if self._held is None or stamp != self._stamp:
                self._refuse_open_file(facts)
                self._held = parse_key_file(self._path.read_text(encoding="ascii"))
                self._stamp = stamp
        except OSError as exc:
            raise ImproperlyConfigured(f"The key file (JIT_KEY_FILE) cannot be read: {exc.strerror}.") from exc
        except UnicodeDecodeError:
            # `from None`: the exception object holds the bytes of the file.
            raise ImproperlyConfigured("The key file (JIT_KEY_FILE) is not plain ASCII.") from None
        return self._held

    def _refuse_open_file(self, facts: os.stat_result) -> None:
        if facts.st_size > _MAX_FILE_BYTES:
            raise ImproperlyConfigured("The key file (JIT_KEY_FILE) is far too large to be one.")
        if self._is_strict and facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ImproperlyConfigured("The key file (JIT_KEY_FILE) is open to others; set its mode to 0600.")


def parse_key_file(text: str) -> LocalKeyProvider:
    """Read `key_id:hex` lines; blank lines and # comments are skipped. Raises: ImproperlyConfigured, by line number."""
    keys: list[tuple[str, bytes]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        keys.append(_parse_line(stripped, number))
    if not keys:
        raise ImproperlyConfigured("The key file (JIT_KEY_FILE) holds no key.")
    if len({key_id for key_id, _ in keys}) != len(keys):
        raise ImproperlyConfigured("The key file (JIT_KEY_FILE) names one key id twice.")
    return LocalKeyProvider(tuple(keys))


def _parse_line(line: str, number: int) -> tuple[str, bytes]:
    key_id, _, hex_text = line.partition(":")
    if not KEY_ID.fullmatch(key_id) or not re.fullmatch(rf"[0-9a-fA-F]{{{KEY_BYTES * 2}}}", hex_text):
        raise ImproperlyConfigured(
            f"Line {number} of the key file (JIT_KEY_FILE) is not `key_id:` and {KEY_BYTES * 2} hex digits."
        )
    return key_id, bytes.fromhex(hex_text)


def create_private_file(path: Path, content: bytes) -> None:
    """Create a file of mode 0600, complete or not at all. Whoever comes second keeps what the first one made."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def may_create_secrets() -> bool:
    """True where a missing key file may be made on the spot. Never in production: a new key would hide a lost one."""
    return str(settings.ENVIRONMENT) in {"development", "test"}


def new_key_line(key_id: str) -> str:
    """One line for a key file, with fresh random bytes."""
    return f"{key_id}:{secrets.token_hex(KEY_BYTES)}\n"


@lru_cache(maxsize=4)
def _provider_for(path: str, is_strict: bool) -> FileKeyProvider:
    return FileKeyProvider(Path(path), is_strict=is_strict)


def default_provider() -> KeyProvider:
    """The provider that the settings name."""
    path = Path(settings.KEY_FILE)
    if not path.exists() and may_create_secrets():
        create_private_file(path, new_key_line("local-1").encode("ascii"))
    return _provider_for(str(path), str(settings.ENVIRONMENT) == "production")

"""What the suite has to be told of a protocol, in one value. Everything else it does by itself.

A protocol joins with one file in `profiles/` and a line in `table.py`; `test_table.py` fails until it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.support.raw import RawAnswer

# What a client reads, and what a registry answers it with. Long enough to have a half.
BODY = bytes(range(256)) * 1024
USERNAME, PASSWORD = "robot", "canary-upstream-password"  # of the gateway at every registry


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as a client of this protocol writes it, without what shows the token."""

    method: str
    path: str
    body: bytes = b""
    fields: tuple[str, ...] = ()

    def at(self, path: str) -> Ask:
        """The same by another path."""
        return replace(self, path=path)


@dataclass(frozen=True, slots=True)
class Key:
    """What the holder of a grant has. Most protocols show the token alone."""

    token: str
    lease: str
    secret: str = field(repr=False)
    host: str


Show = Callable[[Key, Ask], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that holds what a grant covers, and what its holder may not even know of.

    `said`: what the registry answers. `seen` must be in what the client gets, `hidden` must not.
    """

    ask: Ask
    said: bytes
    seen: bytes
    hidden: bytes
    fields: tuple[bytes, ...] = ()

    def answer(self) -> bytes:
        """The registry's whole answer."""
        fields = b"".join(b"\r\n" + line for line in self.fields)
        return b"HTTP/1.1 200 OK%b\r\nContent-Length: %d\r\n\r\n%b" % (fields, len(self.said), self.said)


@dataclass(frozen=True, slots=True)
class Profile:
    """One protocol.

    `slug`: a target of this kind; it stands in the paths. There is a second one, `<slug>-two`, with the same in it.
    `read` relays BODY under a pull grant on `repository`; `write` needs push there; `foreign` reads elsewhere.
    `forwarded`: the request line that the registry gets for `read`. `answered` and `written`: what it answers to both.
    """

    kind: str
    slug: str
    repository: str
    read: Ask
    forwarded: bytes
    answered: tuple[bytes, ...]  # field lines beside Content-Length
    write: Ask
    written: bytes  # a whole response
    foreign: tuple[Ask, ...]
    unknown: tuple[Ask, ...]  # addresses that servers of this protocol know, and that are not served here
    twins: tuple[str, ...]  # paths that some reader takes for the one of `read`
    show: Show
    reason_in: Callable[[RawAnswer], str]  # of an error in this protocol's own form; asserts the form
    shows_credential: Callable[[bytes], bool]  # a head that came to the registry itself
    streams: bool = True  # the body of `write` goes on as it comes; else it is read first, because it decides
    pickle: str = (
        ""  # path of a file beside that of `read`, of a kind that rules may refuse; "" where files have no names
    )
    follows: bool = False  # goes where the registry points to, if an operator named the place
    allows: int = 1  # records of a yes for `read`: one more where something has to be learned first
    listing: Listing | None = None
    inside: str = ""  # pattern of what may reach the registry under such a grant, path and query, decoded to the end
    pins: Mapping[str, str] = field(default_factory=dict)  # names that this grant was told before

    def read_at(self, slug: str) -> Ask:
        """The same read at another target."""
        return self.read.at(self.read.path.replace(f"/{self.slug}/", f"/{slug}/", 1))


def bearer(key: Key, _ask: Ask) -> tuple[str, ...]:
    """As most clients do it."""
    return (f"Authorization: Bearer {key.token}",)


_SLASHES = (
    "%2F", "%2f", "%252F", "%252f", "%5C", "%5c", "\\", "%c0%af", "%C0%AF", "%E2%88%95", "/./", "//", "/x/../", "/%2e/",
    "/%2E%2E/x/", "/x/%2e%2e/", "/.%2e/", "/..%2f", "/..;/", ";x/", "%3Bx/", "/%00/", "%0a/", "/\t", "/%u002f", "/%",
)  # fmt: skip


def spellings(path: str) -> tuple[str, ...]:
    """Other ways to write a path, each of which some reader takes for the same: at its last slash, at the one before
    it, and at its last letter. The gateway takes one spelling of everything.
    """
    path, mark, query = path.partition("?")
    query = mark + query
    last = path.rindex("/")
    before = path.rindex("/", 0, last)
    found = [path[:at] + text + path[at + 1 :] for at in (last, before) for text in _SLASHES]
    letter = path[-1]
    found += [
        f"{path[:-1]}%{ord(letter):02x}", f"{path[:-1]}%{ord(letter):02X}", f"{path[:-1]}%25{ord(letter):02x}",
        f"{path}%00", f"{path}#", f"{path};", f"http://gw.example{path}", path[1:], f"/.{path}", f"/x/..{path}",
        f"/{path}", f"\\{path[1:]}",
    ]  # fmt: skip
    return tuple(text + query for text in found)

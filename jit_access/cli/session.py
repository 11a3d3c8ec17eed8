"""One run of the command: terminal, gateway, sign-in, and the second factor when the gateway asks for it anew."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jit_access.cli import store
from jit_access.cli.client import Client
from jit_access.cli.settings import Site, read_site
from jit_access.cli.troubles import Exit, StepUpNeeded, Trouble
from jit_access.cli.words import Mark, Terminal


class Session:
    """What the commands work with. Nothing is read or sent before it is needed."""

    def __init__(self, terminal: Terminal, *, address: str = "", is_asking_allowed: bool = True) -> None:
        self.terminal = terminal
        self._address = address
        self._is_asking_allowed = is_asking_allowed
        self._client: Client | None = None
        self._held: store.Held | None = None

    @property
    def site(self) -> Site:
        return self.client.site if self._client is not None else read_site(self._address)

    @property
    def client(self) -> Client:
        """The gateway, as whoever is signed in. Raises: Trouble (signed out)."""
        if self._client is None:
            site = read_site(self._address)
            held = store.find(site.address)
            if held is None:
                out = Trouble(f"You are not signed in at {site.address}.", Exit.SIGNED_OUT, advice="Sign in: jit login")
                held = self._signed_in_anew(site, out)
            self._client, self._held = Client(site, held.token), held
        self._stay_signed_in(self._client)
        return self._client

    def get(self, path: str, **query: object) -> Any:
        return self._proving(lambda: self.client.get(path, **query))

    def pages(self, path: str, *, at_most: int = 1000, **query: object) -> Iterator[dict[str, Any]]:
        """The rows of a list that comes in pages."""
        begun: list[Iterator[dict[str, Any]]] = []

        def first() -> dict[str, Any] | None:
            begun[:] = [self.client.pages(path, at_most=at_most, **query)]
            return next(begun[0], None)

        row = self._proving(first)
        if row is not None:
            yield row
            yield from begun[0]

    def post(
        self,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str = "",
        is_repeatable: bool = False,
        takes_code: bool = False,
    ) -> Any:
        """Change something. `takes_code`: the endpoint takes a code of the second factor for this one call."""
        given = dict(body or {})

        def send(code: str = "") -> Any:
            proof = {"code": code} if code else {}
            return self.client.post(path, given | proof, key=key, is_repeatable=is_repeatable)

        return self._proving(send, takes_code=takes_code)

    def prove(self, needed: StepUpNeeded) -> None:
        """Have the second factor shown in the sign-in itself. Raises: StepUpNeeded when nobody can be asked."""
        if not self._is_asking_allowed:
            raise needed
        from jit_access.cli.proving import prove_again  # noqa: PLC0415  # a browser and a terminal, rarely needed

        prove_again(self, needed, takes_code=False)

    def _proving(self, call: Callable[..., Any], *, takes_code: bool = False) -> Any:
        """Call; when a second factor or a sign-in is asked for, have it shown, and call once more."""
        try:
            return call()
        except StepUpNeeded as needed:
            if not self._is_asking_allowed:
                raise
            from jit_access.cli.proving import prove_again  # noqa: PLC0415  # a browser and a terminal, rarely needed

            code = prove_again(self, needed, takes_code=takes_code)
            return call(code) if code else call()
        except Trouble as trouble:
            if trouble.status is not Exit.SIGNED_OUT:
                raise
            self.use(self._signed_in_anew(self.client.site, trouble))
            return call()

    def _signed_in_anew(self, site: Site, trouble: Trouble) -> store.Held:
        """A sign-in lasts a day. Whoever sits there signs in and goes on. Raises: the trouble, where nobody sits."""
        if not self._is_asking_allowed or not self.terminal.is_interactive or store.is_given():
            raise trouble
        from jit_access.cli.sign_in import sign_in_by_browser  # noqa: PLC0415  # the whole ceremony, rarely needed

        self.terminal.say(
            Mark.ATTENTION, "You are not signed in any more. Sign in, then this goes on.", code=trouble.code
        )
        return sign_in_by_browser(site, self.terminal)

    def use(self, held: store.Held) -> None:
        """Go on with this token."""
        self.client.token, self._held = held.token, held

    def _stay_signed_in(self, client: Client) -> None:
        """A job's short token gets a successor before it is over, also in the middle of a long `jit run`."""
        if self._held is None or not store.is_nearly_over(self._held):
            return
        from jit_access.cli.workload import renewed  # noqa: PLC0415  # people sign in by themselves

        fresh = renewed(client.site, self._held)
        client.token, self._held = fresh.token, fresh


def new_key() -> str:
    """What one attempt to create something is called, so that it can be sent again."""
    return f"jit-{secrets.token_hex(12)}"

"""Signing in with a browser (OAuth 2.1: authorization code, PKCE, loopback) or on another device (RFC 8628).

The command is a public client, `jit-cli`: it holds no secret of its own. What protects the code is PKCE, the state, and
that the answer is taken on a loopback port that only this process listens on (RFC 8252).
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from jit_access.cli import store
from jit_access.cli.client import Client, refusal_of
from jit_access.cli.settings import Site
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.words import Mark, Terminal

CLIENT_ID = "jit-cli"
METADATA = "/.well-known/oauth-authorization-server"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LONGEST_WAIT_S = 300
_SHORTEST_PAUSE_S = 5


def sign_in_by_browser(
    site: Site,
    terminal: Terminal,
    *,
    is_opened: bool = True,
    is_kept: bool = True,
    acr_values: str = "",
    max_age_s: int | None = None,
) -> store.Held:
    """Have a person sign in on the gateway's page. `acr_values` and `max_age_s` ask for a stronger or fresher proof.

    Raises: Trouble when they did not, or the page was not the gateway's.
    """
    from jit_access.cli.loopback import Listener  # noqa: PLC0415  # a web server, rarely needed

    metadata = read_metadata(site)
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    with Listener() as listener:
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": listener.address,
            "state": state,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        asked |= {"acr_values": acr_values} if acr_values else {}
        asked |= {"max_age": str(max_age_s)} if max_age_s is not None else {}
        page = f"{_endpoint(site, metadata, 'authorization_endpoint')}?{urlencode(asked)}"
        _show(terminal, page, is_opened=is_opened)
        pasted = sys.stdin if terminal.is_interactive else None
        answer = listener.wait(state, _LONGEST_WAIT_S, pasted=pasted)
    _check_answer(answer, site, metadata)
    token = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": listener.address}
    held = ask_token(site, metadata, token | {"code_verifier": verifier})
    return _kept(site, held) if is_kept else held


def sign_in_by_device(site: Site, terminal: Terminal) -> store.Held:
    """Show a code, and wait until a person typed it on the gateway's page, wherever they are."""
    metadata = read_metadata(site)
    if not metadata.get("device_authorization_endpoint"):
        raise Trouble(
            f"{site.address} does not offer to sign in on another device.",
            Exit.USAGE,
            advice="jit login --no-browser prints an address to open here; jit login --token-stdin takes an API token",
        )
    begun = _post(site, _endpoint(site, metadata, "device_authorization_endpoint"), {})
    terminal.say(Mark.ATTENTION, f"On any device open {begun['verification_uri']} and type {begun['user_code']}")
    terminal.note("Type it only on that page, and only because you started this yourself")
    until = time.monotonic() + min(int(begun.get("expires_in", _LONGEST_WAIT_S)), 3600)
    pause_s = max(_SHORTEST_PAUSE_S, min(int(begun.get("interval", _SHORTEST_PAUSE_S)), 60))
    while time.monotonic() < until:
        time.sleep(pause_s)
        try:
            return ask_token(site, metadata, {"grant_type": _DEVICE_GRANT, "device_code": str(begun["device_code"])})
        except Trouble as trouble:
            if trouble.code not in {"authorization_pending", "slow_down"}:
                raise
            pause_s += 5 if trouble.code == "slow_down" else 0
            terminal.live(Mark.WAITING, f"Waiting for {begun['user_code']} to be typed")
    raise Trouble("Nobody typed the code in time.", Exit.EXPIRED, code="expired_token", advice="jit login --device")


def revoke(site: Site, held: store.Held) -> bool:
    """End the token at the gateway (RFC 7009). False when it could not be asked to."""
    try:
        metadata = read_metadata(site)
        _post(site, _endpoint(site, metadata, "revocation_endpoint"), {"token": held.refresh_token or held.token})
    except Trouble:
        return False
    return True


def read_metadata(site: Site) -> Mapping[str, Any]:
    """What the gateway says of itself (RFC 8414). Raises: Trouble when it speaks for somebody else."""
    found = Client(site).call("GET", METADATA)
    if not isinstance(found, Mapping) or str(found.get("issuer", "")).rstrip("/") != site.address:
        shown = str(found.get("issuer", "nobody"))[:200] if isinstance(found, Mapping) else "nobody"
        raise Trouble(
            f"{site.address} signs in for {shown}, which is another name.",
            Exit.AWAY,
            code="issuer-mismatch",
            advice="Use the address under which the gateway knows itself: its operators set JIT_PUBLIC_URL",
        )
    return found


def _show(terminal: Terminal, page: str, *, is_opened: bool) -> None:
    if is_opened and _has_browser():
        import webbrowser  # noqa: PLC0415  # slow to load

        terminal.say(Mark.WAITING, "Sign in on the page that opens. If none does, open this:")
        terminal.note(page)
        webbrowser.open(page)
        return
    terminal.say(Mark.WAITING, "Open this in a browser and sign in:")
    terminal.note(page)
    if terminal.is_interactive:
        terminal.note("If that browser is on another machine, paste here the address that it cannot open in the end")


def _has_browser() -> bool:
    """Somebody sees a window here. A browser of the terminal would take the terminal away."""
    is_windowed = sys.platform in {"darwin", "win32"} or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(is_windowed or os.environ.get("BROWSER"))


def _check_answer(answer: Mapping[str, str], site: Site, metadata: Mapping[str, Any]) -> None:
    """Raises: Trouble for a refusal, and for an answer of somebody else's (RFC 9207)."""
    says_iss = metadata.get("authorization_response_iss_parameter_supported") is True
    if (says_iss or "iss" in answer) and answer.get("iss", "").rstrip("/") != site.address:
        raise Trouble(
            "The answer did not come from this gateway, so it was not used.", Exit.DENIED, code="issuer-mismatch"
        )
    if "error" in answer:
        said = answer.get("error_description", "") or "The sign-in was refused."
        raise Trouble(said, Exit.DENIED, code=answer["error"])
    if not answer.get("code"):
        raise Trouble("The answer of the page holds no code.", Exit.DENIED, code="access_denied")


def ask_token(site: Site, metadata: Mapping[str, Any], asked: Mapping[str, str]) -> store.Held:
    """Ask the token endpoint. Raises: Trouble."""
    answer = _post(site, _endpoint(site, metadata, "token_endpoint"), asked)
    lasts_s = answer.get("expires_in")
    expires_at = time.time() + float(lasts_s) if isinstance(lasts_s, int | float) else 0.0
    refresh = answer.get("refresh_token")
    return store.Held(
        store.check_token(str(answer.get("access_token", ""))),
        kind="access",
        expires_at=expires_at,
        refresh_token=refresh if isinstance(refresh, str) else "",
    )


def _kept(site: Site, held: store.Held) -> store.Held:
    """In the place of the sign-in of before, which ends. Raises: Trouble when the browser is somebody else's."""
    before = store.find(site.address)
    name = str(Client(site, held.token).get("/me")["person"]["name"])
    if before is not None and before.username not in {"", name}:
        revoke(site, held)
        raise Trouble(
            f"The browser is signed in as {name}, and you are {before.username} here.",
            Exit.DENIED,
            code="other-person",
            advice="Sign out in the browser and repeat, or become the other one here: jit login",
        )
    fresh = held._replace(username=name)
    store.keep(site.address, fresh)
    if before is not None and before.kind == "access":
        revoke(site, before)
    return fresh


def _post(site: Site, path: str, form: Mapping[str, str]) -> dict[str, Any]:
    """Ask an endpoint of OAuth. Raises: Trouble with its `error` as the code."""
    given = {"client_id": CLIENT_ID} | dict(form)
    raw = urlencode({name: value for name, value in given.items() if value}).encode()
    answer = Client(site).send("POST", path, raw, _FORM, is_repeatable=False)
    if 200 <= answer.status < 300:
        found = answer.document() if answer.body else {}  # RFC 7009, 2.2: nothing is said of a token that is revoked
        return found if isinstance(found, dict) else {}
    said = answer.error()
    if said is None:
        raise refusal_of(answer, site)
    status = Exit.EXPIRED if said["error"] == "expired_token" else Exit.DENIED
    sentence = said.get("error_description") or f"The gateway refused to sign in: {said['error']}."
    raise Trouble(sentence, status, code=said["error"])


def _endpoint(site: Site, metadata: Mapping[str, Any], name: str) -> str:
    """The path of an endpoint, which has to be at the gateway itself."""
    address = metadata.get(name)
    if not isinstance(address, str) or not address.startswith(f"{site.address}/"):
        raise Trouble(
            f"{site.address} names no {name.replace('_', ' ')} of its own.", Exit.AWAY, code="not-the-gateway"
        )
    path = address.removeprefix(site.address)
    return f"{site.address}{path}" if name == "authorization_endpoint" else path


def _challenge(verifier: str) -> str:
    """RFC 7636, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

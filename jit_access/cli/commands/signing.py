"""`jit login`, `jit logout`, `jit status`: who one is at this machine."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from jit_access.cli import store, workload
from jit_access.cli.client import Client
from jit_access.cli.session import Session
from jit_access.cli.settings import Site, keep_site, read_site
from jit_access.cli.table import write_facts
from jit_access.cli.times import duration_words, until_words
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.words import Mark

_LONGEST_INPUT = 8192


def login(options: argparse.Namespace, session: Session) -> int:
    """Get a token and keep it. It is tried before it is kept."""
    site = read_site(options.address or options.addr)
    terminal = session.terminal
    if options.token_stdin:
        held = _from_stdin(site)
        workload.forget(site)
    elif options.workload:
        held = workload.sign_in(
            site, workload.parse_source(options.workload), audience=options.audience, agent=options.agent
        )
    else:
        from jit_access.cli.sign_in import sign_in_by_browser, sign_in_by_device  # noqa: PLC0415  # loads a web server

        held = (
            sign_in_by_device(site, terminal)
            if options.device
            else sign_in_by_browser(site, terminal, is_opened=not options.no_browser, is_kept=False)
        )
        workload.forget(site)  # a person is here now
    me = _person(Client(site, held.token))
    store.keep(site.address, held._replace(username=str(me["name"])), in_keyring=options.keyring)
    keep_site(site)
    if terminal.is_json:
        terminal.answer({"address": site.address, "person": me})
    terminal.say(Mark.DONE, f"Signed in at {site.address} as {me['display_name']} ({me['name']})")
    if store.is_given():
        terminal.say(Mark.ATTENTION, "JIT_TOKEN or JIT_TOKEN_FILE is set here and is used instead")
    return Exit.DONE


def logout(options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001  # every command is called alike
    """Forget the token here, and have it revoked where it was made for this machine."""
    site = session.site
    held = None if store.is_given() else store.find(site.address)
    if held is None:
        session.terminal.say(Mark.DONE, f"Nobody is signed in at {site.address}")
        return Exit.DONE
    revoked = False
    try:
        revoked = _revoke(site, held)
    finally:
        store.forget(site.address)
        workload.forget(site)
    if session.terminal.is_json:
        session.terminal.answer({"address": site.address, "is_revoked": revoked})
    session.terminal.say(Mark.DONE, f"Signed out of {site.address}")
    if not revoked and held.kind == "access":
        session.terminal.say(Mark.ATTENTION, "The gateway could not be asked to end the token")
        session.terminal.note("End it there: Settings, where you are signed in")
    elif not revoked:
        session.terminal.note("The API token itself lives on. To revoke it: Settings, API tokens")
    return Exit.DONE


def status(options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001  # every command is called alike
    """Who, where, until when, and what is open."""
    me = session.get("/me")
    open_grants = list(session.pages("/grants", state="active"))
    waiting = list(session.pages("/requests", state="pending"))
    held = store.find(session.site.address)
    until = None if held is None or not held.expires_at else held.expires_at
    if session.terminal.is_json:
        body = {"address": session.site.address, "open_grants": len(open_grants), "waiting_requests": len(waiting)}
        session.terminal.answer(body | {"expires_at": until} | me)
        return Exit.DONE
    person, assurance = me["person"], me["assurance"]
    age = assurance.get("age_s")
    proof = (
        f"shown {duration_words(int(age))} ago ({assurance['level']})" if age is not None else str(assurance["level"])
    )
    facts: list[tuple[str, object]] = [
        ("Gateway", session.site.address),
        ("You", f"{person['display_name']} ({person['name']})"),
        ("Groups", ", ".join(person["groups"]) or "none"),
        ("Signed in", _until(until)),
        ("Second factor", "not shown in this sign-in" if assurance["level"] == "none" else proof),
        ("Open", _counted(len(open_grants), "grant")),
        ("Waiting", _counted(len(waiting), "request")),
    ]
    write_facts(session.terminal.data, facts)
    return Exit.DONE


def _from_stdin(site: Site) -> store.Held:
    if sys.stdin.isatty():
        import getpass  # noqa: PLC0415  # only where somebody pastes it

        text = getpass.getpass(f"  API token for {site.address}: ")
    else:
        text = sys.stdin.readline(_LONGEST_INPUT)
    return store.Held(store.check_token(text))


def _person(client: Client) -> dict[str, Any]:
    body = client.get("/me")
    person = body.get("person") if isinstance(body, dict) else None
    if not isinstance(person, dict) or not {"name", "display_name"} <= set(person):
        raise Trouble(f"{client.site.address} does not answer as the gateway does.", Exit.AWAY, code="not-the-gateway")
    return person


def _revoke(site: Site, held: store.Held) -> bool:
    if held.kind != "access":
        return False
    from jit_access.cli.sign_in import revoke  # noqa: PLC0415  # rarely needed

    return revoke(site, held)


def _until(expires_at: float | None) -> str:
    if expires_at is None:
        return "until the token is revoked or runs out"
    if expires_at <= time.time():
        return "it has run out: jit login"
    from datetime import UTC, datetime  # noqa: PLC0415  # only to word it

    return f"ends {until_words(datetime.fromtimestamp(expires_at, UTC).isoformat())}"


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"

"""The one block that `up` ends with: where to go, who to be, and the three commands of a first pull."""

from __future__ import annotations

import json
from typing import Any

import pyotp

from jit_access.demo.bootstrap.terminal import Mark, Terminal
from jit_access.demo.stack.layout import Layout


def tell(layout: Layout, terminal: Terminal, *, is_detached: bool = False) -> None:
    """Print what to do next. Detached: it runs on elsewhere, so Ctrl-C would stop nothing."""
    terminal.write()
    terminal.say(Mark.OPEN, terminal.strong(f"The gateway is up: {layout.web_url}"))
    terminal.write(f"  registry door   {layout.gateway_url}   and TLS {layout.gateway_tls_url}")
    terminal.write(f"  its authority   {layout.tls / 'ca.pem'}")
    if layout.people_file.exists() and layout.has_demo:
        _tell_demo(json.loads(layout.people_file.read_text(encoding="utf-8")), layout, terminal)
    else:
        terminal.write("  first person    python3 dev.py manage account add olga --display-name Olga --group operators")
    terminal.write()
    stop = "`python3 dev.py down`" if is_detached else "Ctrl-C here, or `python3 dev.py down`,"
    terminal.write(f"  {stop} stops all. Logs are in var/log.")
    terminal.write()


def _tell_demo(demo: dict[str, Any], layout: Layout, terminal: Terminal) -> None:
    terminal.write()
    rows = [("NAME", "PASSWORD", "TOTP SECRET", "CODE NOW", "GROUPS")]
    for person in demo["people"]:
        code = pyotp.TOTP(person["totp_secret"]).now()
        groups = ", ".join(person["groups"]) or "none"
        rows.append((person["username"], person["password"], person["totp_secret"], code, groups))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminal.write(f"  {'  '.join(cells)}".rstrip())
    terminal.write("  A code works once and changes every 30 s; add the secret to an authenticator, or run `up` again.")
    for agent in demo["agents"]:
        words = f"{agent['name']} is an agent: its API token is in {layout.people_file.name}"
        terminal.write(f"  {words}, what it does is in docs/tutorial/an-agent-pulls.md")
    gate = f"127.0.0.1:{layout.ports.gateway}"
    model = f"{gate}/demo-registry/llm/tiny-llama:v1"
    terminal.write()
    terminal.write(terminal.strong("  A first pull"))
    terminal.write("  1. Ada asks for llm/tiny-llama, Ben approves (two browsers, or a private window), Ada starts it:")
    terminal.write(f"     {layout.web_url}/requests/new")
    terminal.write("  2. My access shows her token once:")
    terminal.write(f"     skopeo login --authfile tiny.json --tls-verify=false --username ada {gate}")
    terminal.write(f"  3. skopeo copy --authfile tiny.json --src-tls-verify=false docker://{model} dir:tiny")
    terminal.write("  Press *End now* or revoke it while it runs, and watch it being cut.")

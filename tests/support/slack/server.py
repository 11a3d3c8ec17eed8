"""The half of Slack that we call: methods over real HTTP, with the failures that the real ones have."""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "xoxb-loopback-token"
TEAM, APP = "T0LOOPBACK", "A0GATEWAY"
_LINK = re.compile(r"https?://[^\s<>|\"]+")


@dataclass
class Failure:
    """What a method does instead of working. `does_it`: the work is done, and the answer is lost."""

    status: int = 200
    error: str = ""
    retry_after: str = ""
    hangs: bool = False
    does_it: bool = False


@dataclass
class Message:
    channel: str
    ts: str
    body: dict[str, Any]
    only_for: str = ""
    updates: int = 0

    @property
    def buttons(self) -> list[dict[str, Any]]:
        blocks = [block for block in self.body.get("blocks", []) if block["type"] == "actions"]
        return [element for block in blocks for element in block["elements"]]

    def button(self, action: str) -> dict[str, Any]:
        return next(one for one in self.buttons if one["action_id"] == action)

    @property
    def said(self) -> str:
        """Everything a reader sees, in one text."""
        return " ".join(texts_of(self.body.get("blocks", [])))

    @property
    def addresses(self) -> list[str]:
        """What a link preview would fetch, whatever `unfurl_links` says: the worst case."""
        return _LINK.findall(json.dumps(self.body))


def texts_of(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        for value in node.values():
            yield from texts_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts_of(value)


def markup_of(node: Any) -> Iterator[dict[str, Any]]:
    """Every text in which Slack looks for markup: mentions, links, bold."""
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            yield node
        for value in node.values():
            yield from markup_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from markup_of(value)


@dataclass
class LoopbackSlack:
    """The workspace: its people, its messages, and how its methods fail next."""

    base_url: str = ""
    messages: list[Message] = field(default_factory=list)
    windows: list[dict[str, Any]] = field(default_factory=list)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failures: dict[str, list[Failure]] = field(default_factory=lambda: defaultdict(list))
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_user(self, user_id: str, **facts: Any) -> None:
        plain = {"id": user_id, "team_id": TEAM, "name": user_id.lower(), "real_name": user_id.title()}
        flags = {"deleted": False, "is_bot": False, "is_restricted": False, "is_ultra_restricted": False}
        self.users[user_id] = {**plain, **flags, **facts}

    def fail(self, method: str, *failures: Failure) -> None:
        self.failures[method].extend(failures)

    def called(self, method: str) -> list[dict[str, Any]]:
        return [body for name, body in self.calls if name == method]

    def in_channel(self, channel: str) -> list[Message]:
        return [one for one in self.messages if one.channel == channel]

    def handle(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            return getattr(self, "_" + method.replace(".", "_").lower())(body)

    def _chat_postmessage(self, body: dict[str, Any]) -> dict[str, Any]:
        ts = f"1790000000.{len(self.messages):06d}"
        self.messages.append(Message(body["channel"], ts, body))
        return {"ok": True, "channel": body["channel"], "ts": ts}

    def _chat_update(self, body: dict[str, Any]) -> dict[str, Any]:
        found = [one for one in self.messages if (one.channel, one.ts) == (body["channel"], body["ts"])]
        if not found:
            return {"ok": False, "error": "message_not_found"}
        found[0].body, found[0].updates = body, found[0].updates + 1
        return {"ok": True, "channel": body["channel"], "ts": body["ts"]}

    def _chat_postephemeral(self, body: dict[str, Any]) -> dict[str, Any]:
        self.messages.append(Message(body["channel"], "", body, only_for=body["user"]))
        return {"ok": True, "message_ts": "1790000000.000000"}

    def _views_open(self, body: dict[str, Any]) -> dict[str, Any]:
        self.windows.append(body["view"])
        return {"ok": True, "view": {"id": f"V{len(self.windows)}"}}

    def _users_info(self, body: dict[str, Any]) -> dict[str, Any]:
        user = self.users.get(body["user"])
        return {"ok": True, "user": user} if user else {"ok": False, "error": "user_not_found"}

    def _conversations_open(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "channel": {"id": "D" + body["users"][1:]}}

    def _conversations_history(self, body: dict[str, Any]) -> dict[str, Any]:
        mine = [one for one in self.messages if one.channel == body["channel"] and one.ts]
        return {"ok": True, "messages": [{"ts": one.ts, "metadata": one.body.get("metadata", {})} for one in mine]}


class _Handler(BaseHTTPRequestHandler):
    slack: LoopbackSlack

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        method, body = self.path.removeprefix("/api/"), json.loads(raw)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(200, {"ok": False, "error": "invalid_auth"})
            return
        self.slack.calls.append((method, body))
        failure = self.slack.failures[method].pop(0) if self.slack.failures[method] else None
        if failure is None:
            self._send(200, self.slack.handle(method, body))
            return
        if failure.does_it:
            self.slack.handle(method, body)
        if failure.hangs:
            self.slack.released.wait(60)
            return
        headers = {"Retry-After": failure.retry_after} if failure.retry_after else {}
        self._send(failure.status, {"ok": False, "error": failure.error}, headers)

    def _send(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Tests read messages, not access logs."""


@contextmanager
def running_slack() -> Iterator[LoopbackSlack]:
    """A workspace on an ephemeral port."""
    slack = LoopbackSlack()
    handler = type("Handler", (_Handler,), {"slack": slack})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    slack.base_url = f"http://127.0.0.1:{server.server_port}/api/"
    try:
        yield slack
    finally:
        slack.released.set()
        server.shutdown()
        server.server_close()

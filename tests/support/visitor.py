"""A person with a browser that runs no script: reads pages, fills their forms, follows where they lead."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx

from tests.support.stack import Stack

_VOID_TYPES = {"submit", "button", "image", "reset"}


@dataclass(slots=True)
class Form:
    """One form as it stands on the page: where it goes, and what it sends when nobody changes anything."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(facts.get("action", ""), facts.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is not None:
            self._read_control(self._open, tag, facts)

    def _read_control(self, form: Form, tag: str, facts: dict[str, str]) -> None:
        name, kind = facts.get("name", ""), facts.get("type", "text")
        if tag == "button" and name:
            form.buttons.append((name, facts.get("value", "")))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in facts or self._select not in form.fields):
            form.fields[self._select] = facts.get("value", "")
        elif tag == "textarea":
            self._textarea = name
            form.fields.setdefault(name, "")
        elif tag == "input" and name and kind not in _VOID_TYPES:
            is_choice = kind in {"checkbox", "radio"}
            if not is_choice or "checked" in facts:
                form.fields[name] = facts.get("value", "on" if is_choice else "")

    def handle_data(self, data: str) -> None:
        if self._textarea and self._open is not None:
            self._open.fields[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""


class Visitor:
    """One person's browser. `page` is the last answer, redirects followed."""

    def __init__(self, stack: Stack, username: str) -> None:
        self.stack = stack
        self.username = username
        self.client = httpx.Client(base_url=stack.web, follow_redirects=True, timeout=60, trust_env=False)
        self.page: httpx.Response

    def close(self) -> None:
        self.client.close()

    def open(self, path: str) -> httpx.Response:
        self.page = self.client.get(path)
        return self.page

    def forms(self) -> list[Form]:
        reader = _FormReader()
        reader.feed(self.page.text)
        return reader.forms

    def form(self, action: str, method: str = "post") -> Form:
        """The first form whose address holds `action`."""
        here = self.page.url.path
        found = [form for form in self.forms() if action in (form.action or here) and form.method == method]
        assert found, f"no form for {action} on {here}: {[form.action for form in self.forms()]}"
        return found[0]

    def submit(self, action: str, **changes: Any) -> httpx.Response:
        """Fill a posting form in and send it, from the page that it stands on."""
        form = self.form(action)
        address = urljoin(str(self.page.url), form.action) if form.action else str(self.page.url)
        typed = {name: value if isinstance(value, list) else str(value) for name, value in changes.items()}
        fields: dict[str, Any] = form.fields | typed
        headers = {"Referer": str(self.page.url), "Origin": self.stack.web}
        self.page = self.client.post(address, data=fields, headers=headers)
        return self.page

    def sign_in(self) -> None:
        """Password, then the code of the authenticator app."""
        self.open("/sign-in")
        self.submit("sign-in", username=self.username, password=self.stack.person(self.username)["password"])
        self.submit("second-factor", code=self.stack.fresh_code(self.username))

    def prove_if_asked(self) -> None:
        """A step-up page asks again; answer it and go on."""
        if "/second-factor" in self.page.url.path:
            self.submit("second-factor", code=self.stack.fresh_code(self.username))

    def prove_again(self) -> None:
        """A new code for the same session; or all of it anew when that has ended meanwhile."""
        self.open("/second-factor")
        if self.page.url.path == "/sign-in":
            self.sign_in()
        else:
            self.submit("second-factor", code=self.stack.fresh_code(self.username))

"""Reading a page as a person would: its heading, its text, its forms."""

from __future__ import annotations

import html
import re

from django.http import HttpResponse
from django.test import Client

_TAG = re.compile(r"<[^>]+>")
_SPACE = re.compile(r"\s+")


def text_of(response: HttpResponse) -> str:
    """All words of the page, in order, without the marks."""
    body = re.sub(r"(?s)<head>.*?</head>|<svg.*?</svg>", " ", response.content.decode())
    return _SPACE.sub(" ", html.unescape(_TAG.sub(" ", body))).strip()


def heading_of(response: HttpResponse) -> str:
    """The one h1."""
    found = re.findall(r"(?s)<h1[^>]*>(.*?)</h1>", response.content.decode())
    assert len(found) == 1, found
    return _SPACE.sub(" ", html.unescape(_TAG.sub("", found[0]))).strip()


def hidden_value(response: HttpResponse, name: str) -> str:
    """The value of a hidden input."""
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    assert found, name
    return html.unescape(found[1])


def browser_like(client: Client) -> Client:
    """The same session in a client that checks form tokens, as a browser's requests are."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    return strict

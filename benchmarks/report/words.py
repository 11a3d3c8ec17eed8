"""Numbers as people read them."""

from __future__ import annotations

import math

from benchmarks.ratios import Spread

TITLES = {
    "gateway": "**this gateway**",
    "gateway-2": "**this gateway**, 2 processes",
    "direct": "direct, no gateway",
    "bare": "bare relay in Python, nothing on",
    "nginx": "nginx",
    "nginx-auth": "nginx + auth_request",
    "haproxy": "HAProxy",
    "haproxy-splice": "HAProxy, splice",
    "caddy": "Caddy",
    "caddy-auth": "Caddy + forward_auth",
}
UPSTREAMS = {"static": "static files", "registry": "docker-registry", "sink": "a sink"}


def title(candidate: str) -> str:
    """In Markdown."""
    return TITLES.get(candidate, candidate)


def plain_title(candidate: str) -> str:
    """In a picture."""
    return title(candidate).replace("**", "")


def number(value: float) -> str:
    """Three digits that mean something: what is below them changes with every run."""
    if math.isnan(value):
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{round(value, 2 - math.floor(math.log10(abs(value)))):,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 3)}f}"


def spread(value: Spread | None) -> str:
    """`43 [38..54]`; the range is left out when there was one value only."""
    if value is None:
        return "-"
    if value.count == 1:
        return number(value.median)
    return f"{number(value.median)} [{number(value.low)}..{number(value.high)}]"


def row(*cells: str) -> str:
    """Of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(head: tuple[str, ...], rows: list[str]) -> list[str]:
    """The first column is text, the others are numbers."""
    return [row(*head), row("---", *("---:" for _ in head[1:])), *rows]

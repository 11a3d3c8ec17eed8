"""Block Kit from our words and other people's. Foreign text is only ever a *text element* or escaped, never markup.

A rich-text element is shown letter by letter: `<!channel>`, `<https://…|Approve>` and `*bold*` stay what they are. Our
own lines are `mrkdwn` with `verbatim`, so that Slack turns no name into a mention and no address into a link by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

Block = dict[str, Any]
MAX_TEXT_CHARS: Final = 2900  # Slack takes 3000 per text
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Letters with a meaning in mrkdwn, as look-alikes without one; and the two signs that make bare addresses into links.
_DEFUSED: Final = str.maketrans({"*": "∗", "_": "_\u200b", "~": "∼", "`": "ˋ", "@": "@\u200b"})


def escape(text: str) -> str:
    """Somebody's text inside a line of `mrkdwn`: it can neither mention, nor link, nor be bold."""
    return text.translate(_DEFUSED).replace("://", ":\u200b//").translate(_ESCAPES)


def say(text: str, *, bold: bool = False, code: bool = False) -> Block:
    """One piece of a line, letter by letter."""
    style = {name: True for name, is_on in (("bold", bold), ("code", code)) if is_on}
    # An address on its own is made into a link by some clients even here; a mark without width between does no harm.
    piece = text[:MAX_TEXT_CHARS].replace("://", ":\u200b//") or " "
    return {"type": "text", "text": piece, **({"style": style} if style else {})}


def line(*pieces: Block) -> Block:
    """A line of pieces."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(pieces)}]}


def quote(text: str, limit: int) -> Block:
    """Somebody's words, cut where they get long."""
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [say(cut)]}]}


def facts(pairs: Sequence[tuple[str, str]]) -> Block:
    """Terms and values, two in a row. Values are escaped by whoever makes them."""
    fields = [{"type": "mrkdwn", "text": f"*{term}*\n{value}"[:1900], "verbatim": True} for term, value in pairs[:10]]
    return {"type": "section", "fields": fields}


def link_button(label: str, url: str, *, action: str, is_primary: bool = False) -> Block:
    """A way to a page of ours. Slack tells us of the click; nothing comes of that."""
    style = {"style": "primary"} if is_primary else {}
    return {"type": "button", "action_id": action, "text": plain(label), "url": url, **style}


def button(label: str, value: str, *, action: str, style: str = "") -> Block:
    """A button whose value comes back, signed by Slack, with whoever pressed it."""
    more = {"style": style} if style else {}
    return {"type": "button", "action_id": action, "text": plain(label), "value": value, **more}


def plain(text: str) -> Block:
    """A label of ours."""
    return {"type": "plain_text", "text": text[:75], "emoji": False}


def moment(instant: datetime) -> str:
    """In each reader's own time, and in UTC for all."""
    utc = instant.astimezone(UTC)
    said = f"{utc.day} {utc:%b %H:%M} UTC"
    return f"<!date^{int(utc.timestamp())}^{{date_short_pretty}} {{time}}|{said}> ({utc:%H:%M} UTC)"

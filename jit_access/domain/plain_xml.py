"""S3's XML, in and out. Everything that comes in is hostile: no document types, no entities of its own, bounded depth.

What goes on is never what came in: it is written anew from the elements that are known, so that nobody downstream can
read something else in it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # nosec B405 - see `parse`: no declaration gets as far as the parser
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape  # nosec B406 - writes, does not read

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MAX_DEPTH = 6
_DECLARATION = re.compile(r"\A\s*<\?xml[^<>]*\?>")
# XML 1.0, "Char": everything else cannot be written down at all.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BadXML(Exception):
    """Not a document that has one reading."""


@dataclass(frozen=True, slots=True)
class Node:
    """An element: text, or children; never both, and no attributes."""

    name: str
    text: str = ""
    children: tuple[Node, ...] = ()

    def all(self, name: str) -> list[Node]:
        """Children of that name."""
        return [child for child in self.children if child.name == name]

    def word(self, name: str, default: str = "") -> str:
        """The text of the one child of that name. Raises BadXML when there are several."""
        found = self.all(name)
        if len(found) > 1:
            raise BadXML
        return found[0].text if found else default


def parse(body: bytes) -> Node:
    """Raises BadXML. The parser is given text, so that what a declaration says of encodings does not count."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise BadXML from exc
    text = _DECLARATION.sub("", text, count=1).strip()
    if "<!" in text or "<?" in text or _NOT_XML.search(text):
        raise BadXML
    try:
        root = ET.fromstring(text)  # noqa: S314  # nosec B314 - without `<!` there is no document type and no entity
    except (ET.ParseError, ValueError, RecursionError) as exc:
        raise BadXML from exc
    return _node(root, 1)


def _node(element: ET.Element, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise BadXML
    children = tuple(_node(child, depth + 1) for child in element)
    return Node(element.tag.rpartition("}")[2], "" if children else element.text or "", children)


def render(root: Node) -> bytes:
    """A whole document in S3's namespace."""
    opened = f'<{root.name} xmlns="{NAMESPACE}">' if root.name != "Error" else "<Error>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opened}{_inside(root)}</{root.name}>'.encode()


def _inside(node: Node) -> str:
    return "".join(_spell(child) for child in node.children) if node.children else escape(node.text)


def _spell(node: Node) -> str:
    return f"<{node.name}>{_inside(node)}</{node.name}>"


def kept(node: Node, names: Iterable[str]) -> list[Node]:
    """The children without children of their own that have one of these names."""
    wanted = frozenset(names)
    return [child for child in node.children if child.name in wanted and not child.children]

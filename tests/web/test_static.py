"""The stylesheet's own promises: measured contrast, no strange parts, no raw colours outside the tokens."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "jit_access" / "web" / "static" / "web"
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
TOKEN = re.compile(r"--([a-z0-9-]+):\s*(?:light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)|(#[0-9a-f]{6}));")
GROUNDS = ("canvas", "surface", "raised", "sunken")
TEXT_RATIO = 4.5
MARK_RATIO = 3.0
# token -> grounds it stands on: the table of the UI guide, section 6
TEXT = {
    "ink": (*GROUNDS, "hover", "accent-wash"),
    "ink-2": (*GROUNDS, "hover", "live-wash", "wait-wash", "stop-wash"),
    "ink-3": (*GROUNDS, "hover"),
    "accent": (*GROUNDS, "hover", "accent-wash"),
    "live": (*GROUNDS, "hover", "live-wash"),
    "wait": (*GROUNDS, "hover", "wait-wash"),
    "stop": (*GROUNDS, "hover", "stop-wash"),
    "on-ink": ("ink", "ink-2"),
    "on-stop": ("stop-fill",),
}
MARKS = {
    "live-mark": ("surface", "live-wash"),
    "wait-mark": ("surface", "wait-wash"),
    "stop-mark": ("surface", "stop-wash"),
    "line-control": ("canvas", "surface", "raised"),
    "qr-dark": ("qr-light",),
}


def _tokens() -> dict[str, tuple[str, str]]:
    text = (STATIC / "tokens.css").read_text()
    found = TOKEN.findall(text) + [
        (name, "", "", colour) for name, colour in re.findall(r"--(qr-dark|qr-light): (#[0-9a-f]{6})", text)
    ]
    return {name: (light or both, dark or both) for name, light, dark, both in found}


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance: (lighter + 0.05) / (darker + 0.05)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_formula_knows_its_ends() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#777777") == 1.0


@pytest.mark.parametrize(("names", "least"), [(TEXT, TEXT_RATIO), (MARKS, MARK_RATIO)])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_token_is_readable_on_every_ground_it_stands_on(
    names: dict[str, tuple[str, ...]], least: float, theme: int
) -> None:
    tokens = _tokens()
    low = {
        f"{name} on {ground}": round(contrast(tokens[name][theme], tokens[ground][theme]), 2)
        for name, grounds in names.items()
        for ground in grounds
        if contrast(tokens[name][theme], tokens[ground][theme]) < least
    }
    assert low == {}


def test_vendored_files_are_what_the_table_says() -> None:
    table = (STATIC / "VENDOR.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` .* `([0-9a-f]{64})` \|$", table, re.MULTILINE)
    assert {name for name, _ in rows} == {
        str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.suffix in {".js", ".woff2"}
    } - {"app.js", "notices.js", "passkeys.js"}
    for name, digest in rows:
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name


def test_styles_hold_no_raw_colour_and_no_importance() -> None:
    for path in (STATIC / "css").glob("*.css"):
        text = path.read_text()
        assert "!important" not in text, path.name
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b", text), path.name


def test_every_stylesheet_is_linked_once() -> None:
    base = (TEMPLATES / "base.html").read_text()
    linked = re.findall(r"web/css/([a-z]+\.css)", base)
    assert sorted(linked) == sorted(path.name for path in (STATIC / "css").glob("*.css"))


def test_templates_hold_no_inline_style_or_script() -> None:
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'id="i-([a-z]+)"', (TEMPLATES / "components" / "sprite.html").read_text()))
    used = {name for path in TEMPLATES.rglob("*.html") for name in re.findall(r'{% icon "([a-z]+)"', path.read_text())}
    assert used <= sprite

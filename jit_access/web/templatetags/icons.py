"""The one way a template draws an icon: by name, from the sprite in the page, hidden from readers."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """A 16 px line icon (`size="s"`: 14 px). The word beside it carries the meaning."""
    modifier = f" icon--{size}" if size else ""
    return format_html('<svg class="icon{}" aria-hidden="true"><use href="#i-{}"/></svg>', modifier, name)

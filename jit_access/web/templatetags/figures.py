"""The figures of `web.figures` as template filters, for the few places where a view-model holds the raw value."""

from __future__ import annotations

from django import template

from jit_access.web import figures

register = template.Library()
register.filter("duration", figures.duration)
register.filter("size", figures.size)
register.filter("grouped", figures.grouped)
register.filter("day_and_time", figures.day_and_time)
register.filter("iso", figures.iso)

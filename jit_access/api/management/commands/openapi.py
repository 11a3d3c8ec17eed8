"""`manage.py openapi`: write the API's description to docs/reference/openapi.yaml."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from jit_access.api.described import PLACE, description_text


class Command(BaseCommand):
    help = "Write the API's OpenAPI 3.1 description, or look whether the committed one is true."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; fail when they differ")

    def handle(self, *_args: Any, **options: Any) -> None:
        place = Path(settings.BASE_DIR) / PLACE
        text = description_text()
        if not options["check"]:
            place.write_text(text, encoding="utf-8")
            self.stdout.write(f"Wrote {PLACE}.")
        elif not place.is_file() or place.read_text(encoding="utf-8") != text:
            raise CommandError(f"{PLACE} is not what the code says. Run: manage.py openapi")

"""Fills a development installation with people, a registry and models to try the gateway on."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from jit_access.demo.exhibition import Exhibition
from jit_access.demo.guard import refuse_production
from jit_access.demo.model.push import Registry
from jit_access.demo.seeding import seed_cast, write_story


class Command(BaseCommand):
    help = "Development only: seed people, the demo target and its models. Safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--registry-url", required=True)
        parser.add_argument("--registry-username", default="")
        parser.add_argument("--registry-password-file")

    def handle(self, *_args: Any, **options: Any) -> None:
        refuse_production()
        people, agents = seed_cast(settings.VAR_DIR / "demo.json")
        file = options["registry_password_file"]
        password = Path(file).read_text(encoding="utf-8").strip() if file else ""
        registry = Registry(options["registry_url"], options["registry_username"], password)
        write_story(people, agents, Exhibition(registry).seed())

"""Everything that must be done before the processes start, in one process: starting Python costs more than the work."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from jit_access.demo.guard import refuse_production
from jit_access.domain.actors import GATEWAY
from jit_access.policies.services import load_policy


class Command(BaseCommand):
    help = "Development only: migrate, collect static files, load the policy and seed the demo."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--registry-url", help="seed the demo with this registry behind it")
        parser.add_argument("--registry-username", default="")
        parser.add_argument("--registry-password-file")

    def handle(self, *_args: Any, **options: Any) -> None:
        refuse_production()
        call_command("check", fail_level="ERROR")
        call_command("migrate", interactive=False, verbosity=1)
        call_command("collectstatic", interactive=False, verbosity=0)
        load_policy(actor=GATEWAY, directory=settings.POLICY_DIR)
        if options["registry_url"]:
            names = ("registry_url", "registry_username", "registry_password_file")
            call_command("seed_demo", **{name: options[name] for name in names})

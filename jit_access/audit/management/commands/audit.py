"""`manage.py audit verify | prove | export | checkpoint`: the log, proved at a terminal."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from jit_access.audit import proofs, services
from jit_access.audit.errors import LogBroken
from jit_access.audit.models import AuditEntry
from jit_access.audit.report_text import proof_lines, report_lines
from jit_access.audit.signing import load_signer
from jit_access.audit.verification import verify
from jit_access.core.terminal import Terminal, thin
from jit_access.domain.errors import NotFound


class Command(BaseCommand):
    help = "Prove the audit log: verify it, prove one record, export it, keep a checkpoint."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="verify | prove | export | checkpoint")
        check = actions.add_parser("verify", help="recompute everything; exit 1 and name the first wrong record")
        check.add_argument("--witness", default="", help="witness file; JIT_AUDIT_WITNESS_FILE when not given")
        check.add_argument("--export", default="", help="check an exported file instead, without the database")
        check.add_argument("--json", action="store_true", help="the report as JSON")
        prove = actions.add_parser("prove", help="prove that one record stands in the signed log")
        prove.add_argument("record_id", help="rec_ and 32 hex digits")
        prove.add_argument("--json", action="store_true", help="the whole proof, for whoever checks it elsewhere")
        export = actions.add_parser("export", help="write records with their proof to standard output")
        export.add_argument("--since", default="0", help="a place in the log, or an instant with its zone")
        keep = actions.add_parser("checkpoint", help="keep the present head, and tell the witness")
        keep.add_argument("--json", action="store_true", help="the checkpoint as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except LogBroken as broken:
            self._fail(f"{broken.sentence}  {broken.reason}")
        except NotFound as missing:
            self._fail(missing.sentence)
        except DatabaseError as exc:
            self._fail(f"The log could not be read from the database: {exc}")

    def _verify(self, options: dict[str, Any]) -> None:
        if options["export"]:
            self._verify_export(options["export"])
            return
        witness = options["witness"]
        if not witness and settings.AUDIT_WITNESS_FILE and Path(settings.AUDIT_WITNESS_FILE).exists():
            witness = settings.AUDIT_WITNESS_FILE
        try:
            report = verify(witness)
        except OSError as exc:
            raise CommandError(f"The witness file cannot be read: {exc.strerror}.") from exc
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report) | {"is_intact": report.is_intact}, indent=2))
        else:
            self.stdout.write("\n".join(report_lines(report, self._terminal())))
        if not report.is_intact:
            sys.exit(1)

    def _verify_export(self, path: str) -> None:
        try:
            with Path(path).open(encoding="utf-8", newline="\n") as file:
                count = proofs.check_export(file, lambda _head: load_signer().verifier)
        except OSError as exc:
            raise CommandError(f"The export cannot be read: {exc.strerror}.") from exc
        except ValueError as wrong:
            self._fail(f"The export proves nothing: {wrong}.")
        self.stdout.write(f"{self._terminal().mark('ok')} {thin(count)} records, as they stand in the signed log.")

    def _prove(self, options: dict[str, Any]) -> None:
        proof = proofs.prove_record(options["record_id"])
        holds = proof.holds(load_signer().verifier)
        if options["json"]:
            self.stdout.write(proof.to_json())
        else:
            self.stdout.write("\n".join(proof_lines(proof, self._terminal(), holds=holds)))
        if not holds:
            self._fail("The proof does not hold: the log was changed. Run `manage.py audit verify`.")

    def _export(self, options: dict[str, Any]) -> None:
        for line in proofs.export_lines(_place(options["since"])):
            self.stdout.write(line)

    def _checkpoint(self, options: dict[str, Any]) -> None:
        made = services.write_checkpoint()
        if options["json"]:
            self.stdout.write(json.dumps({"size": made.size, "root": made.root} if made else None))
        elif made:
            self.stdout.write(f"{self._terminal().mark('ok')} Kept {thin(made.size)} records under {made.root}.")
        else:
            self.stdout.write("Nothing new since the last checkpoint.")

    def _terminal(self) -> Terminal:
        return Terminal.of(self.stdout)  # type: ignore[arg-type]  # Django's wrapper passes attributes through

    def _fail(self, sentence: str) -> None:
        self.stderr.write(f"{Terminal.of(self.stderr).mark('no')} {sentence}")  # type: ignore[arg-type]  # as above
        sys.exit(1)


def _place(since: str) -> int:
    if since.isdecimal():
        return int(since)
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError("--since is a place in the log, or an instant such as 2026-11-23T13:55:10Z.")
    first = AuditEntry.objects.filter(at__gte=moment).order_by("seq").values_list("seq", flat=True).first()
    return AuditEntry.objects.count() if first is None else first

"""The terminal: exact words, JSON on demand, exit code 1 for anything that is wrong."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jit_access.audit import proofs, services
from jit_access.audit.merkle import consistency_holds
from jit_access.audit.models import AuditEntry
from jit_access.audit.signing import load_signer, new_key_pem, parse_signer
from jit_access.core.terminal import Terminal
from tests.audit.conftest import write_records
from tests.support.append_only import without_triggers

pytestmark = pytest.mark.django_db


def run(*args: str) -> tuple[str, str, int]:
    """Output, error output and exit code."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("audit", *args, stdout=out, stderr=err)
    except SystemExit as stop:
        return out.getvalue(), err.getvalue(), int(str(stop.code))
    return out.getvalue(), err.getvalue(), 0


def test_verify_says_what_was_checked(tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_WITNESS_FILE = str(tmp_path / "witness")
    write_records(3)
    services.write_checkpoint()
    out, _, code = run("verify")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "✓ records      3 records recomputed from their text"
    assert re.fullmatch(r"✓ head         root [0-9a-f]{64}", lines[1])
    assert lines[3] == "✓ checkpoints  1 checkpoint, each a past of this log"
    assert lines[4] == "✓ witness      1 line, each a past of this log"
    assert lines[5].startswith("The log is what was written.")


def test_verify_without_a_witness_says_what_it_cannot_see() -> None:
    write_records(1)
    assert "▲ witness      none asked: a log set back as a whole would not be seen" in run("verify")[0]


def test_verify_names_the_first_wrong_record_and_fails() -> None:
    ids = write_records(5)
    with without_triggers():
        AuditEntry.objects.filter(seq=2).update(body="{}")
    out, _, code = run("verify")
    assert code == 1
    assert out.splitlines()[:3] == [
        "✗ Record 2 was edited: its text does not hash to its leaf.  edited",
        f"  record   {ids[2]}",
        "  before   records 0 to 1 are as written",
    ]
    out, _, code = run("verify", "--json")
    report = json.loads(out)
    assert (code, report["is_intact"], report["fault"]["seq"], report["fault"]["kind"]) == (1, False, 2, "edited")


def test_verify_json_of_an_intact_log() -> None:
    write_records(2)
    out, _, code = run("verify", "--json")
    assert (code, json.loads(out)["is_intact"], json.loads(out)["records"]) == (0, True, 2)


def test_a_missing_witness_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="witness file cannot be read"):
        run("verify", "--witness", str(tmp_path / "none"))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9])
def test_a_proof_can_be_checked_without_us(size: int) -> None:
    ids = write_records(size)
    for record_id in ids:
        out, _, code = run("prove", record_id, "--json")
        assert code == 0
        raw = json.loads(out)
        head = proofs.SignedHead(**raw["head"])
        proof = proofs.InclusionProof(raw["seq"], raw["record"], tuple(raw["path"]), head)
        assert proof.holds(load_signer().verifier)
        other = proofs.InclusionProof(raw["seq"], raw["record"] + " ", tuple(raw["path"]), head)
        assert not other.holds(load_signer().verifier)
        assert not proof.holds(parse_signer(new_key_pem()).verifier)


def test_prove_speaks_to_people_and_refuses_what_is_unknown() -> None:
    ids = write_records(5)
    out, _, code = run("prove", ids[3])
    assert (code, out.splitlines()[1]) == (0, "✓ Record 3 of 5, proved by 3 hashes.")
    _, err, code = run("prove", "rec_" + "0" * 32)
    assert (code, err.strip()) == (1, "✗ There is no such record.")


def test_a_proof_from_a_changed_log_does_not_hold() -> None:
    ids = write_records(5)
    with without_triggers():
        AuditEntry.objects.filter(seq=1).update(leaf_hash="ab" * 32)
    _, err, code = run("prove", ids[3])
    assert code == 1
    assert "does not hold" in err


@pytest.mark.parametrize("since", ["0", "1", "4", "7", "9"])
def test_an_export_proves_itself(tmp_path: Path, since: str) -> None:
    write_records(7)
    out, _, _ = run("export", "--since", since)
    path = tmp_path / "export.jsonl"
    path.write_text(out, encoding="utf-8")
    count = max(0, 7 - int(since))
    assert run("verify", "--export", str(path)) == (f"✓ {count} records, as they stand in the signed log.\n", "", 0)


@pytest.mark.parametrize("deed", ["edit", "remove", "swap", "cut", "other key"])
def test_a_changed_export_proves_nothing(tmp_path: Path, deed: str, settings: Any) -> None:
    write_records(7)
    lines = run("export", "--since", "2")[0].splitlines()
    if deed == "edit":
        lines[2] = lines[2].replace("grt_3", "grt_9")
    elif deed == "remove":
        del lines[2]
    elif deed == "swap":
        lines[2], lines[3] = lines[3], lines[2]
    elif deed == "cut":
        lines = lines[:-1]
    else:
        (tmp_path / "other.pem").write_bytes(new_key_pem())
        settings.AUDIT_KEY_FILE = str(tmp_path / "other.pem")
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out, err, code = run("verify", "--export", str(path))
    assert (out, code) == ("", 1)
    assert err.startswith("✗ The export proves nothing: ")


def test_export_since_an_instant() -> None:
    write_records(2)
    assert len(run("export", "--since", "2020-01-01T00:00:00Z")[0].splitlines()) == 3
    assert len(run("export", "--since", "2999-01-01T00:00:00Z")[0].splitlines()) == 1
    with pytest.raises(CommandError, match="instant"):
        run("export", "--since", "yesterday")


def test_checkpoint_is_kept_once() -> None:
    write_records(2)
    assert run("checkpoint")[0].startswith("✓ Kept 2 records under ")
    assert run("checkpoint")[0] == "Nothing new since the last checkpoint.\n"
    assert run("checkpoint", "--json")[0] == "null\n"


def test_growth_is_proved() -> None:
    write_records(3)
    old = bytes.fromhex(proofs.signed_head().root)
    write_records(4)
    path, head = proofs.prove_growth(3)
    assert consistency_holds(3, 7, [bytes.fromhex(step) for step in path], old, bytes.fromhex(head.root))
    assert not consistency_holds(2, 7, [bytes.fromhex(step) for step in path], old, bytes.fromhex(head.root))


def test_a_terminal_without_unicode_gets_words() -> None:
    assert Terminal(is_unicode=False, is_coloured=False).mark("no") == "[no]"
    assert Terminal(is_unicode=True, is_coloured=True).mark("ok") == "\x1b[32m✓\x1b[0m"

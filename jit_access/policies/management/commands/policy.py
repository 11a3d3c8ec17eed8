"""`manage.py policy load|check|test|diff|show|explain|why`: policy as code, from the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jit_access.accounts.names import fold_name
from jit_access.accounts.selectors import find_by_name, members_of
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import GatewayError
from jit_access.domain.operations import Operation
from jit_access.domain.reasons import explain as sentence_of
from jit_access.policies import selectors, services
from jit_access.policies.answers import approval_words
from jit_access.policies.cases import read_case_texts, read_cases
from jit_access.policies.checking import check_text
from jit_access.policies.comparing import compare, difference_lines, summary_line
from jit_access.policies.compiler import compile_policy
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.explanation import Explanation, RuleExplanation
from jit_access.policies.findings import Severity, lines_of
from jit_access.policies.known_names import known_names
from jit_access.policies.loader import read_directory
from jit_access.policies.management.reading import add_source_arguments, files_of
from jit_access.policies.proposing import Loaded, propose
from jit_access.policies.questions import Assurance, Proof, Question, resources_of, subject_of
from jit_access.policies.recorded import recorded_since
from jit_access.policies.rules import parse_duration
from jit_access.policies.why_lines import why_lines
from jit_access.targets.models import Target

_ON_A_DIRECTORY = (
    ("load", "make a directory the active policy, or propose it where a second person has to sign"),
    ("check", "find every problem: what is broken, does nothing, or does too much"),
    ("test", "run the cases in its *.yaml files"),
    ("diff", "say what it would decide otherwise than the active policy, and which open grants it would end"),
)


class Command(BaseCommand):
    help = "Load, check, test, compare, show or explain the policy, or say why not."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        parsers = {name: actions.add_parser(name, help=words) for name, words in _ON_A_DIRECTORY}
        for action in parsers.values():
            add_source_arguments(action)
        loading = parsers["load"]
        loading.add_argument("--by", default="", help="who proposes it, where a second person has to sign")
        loading.add_argument("--because", default="", help="what the change is for, in a sentence")
        loading.add_argument(
            "--alone", default="", metavar="WHY", help="an emergency: count at once, told to everybody"
        )
        parsers["diff"].add_argument("--days", type=int, default=30, help="how far back; 30 when not said")
        checked = parsers["check"]
        checked.add_argument("--json", action="store_true", help="print the findings for a program")
        checked.add_argument("--fail-on", choices=list(Severity), default=Severity.ERROR, help="error when not said")
        checked.add_argument("--names", action="store_true", help="also look up the groups, targets and accounts here")
        actions.add_parser("show", help="print the active policy")
        asked = actions.add_parser("explain", help="say which rules match, and which nearly do")
        asked.add_argument("username")
        asked.add_argument("operation", choices=[operation.value for operation in Operation])
        asked.add_argument("repository", help="target/repository")
        asked.add_argument("--lasts", default="1h", help="15m, 4h")
        why = actions.add_parser("why", help="say why or why not, what is missing, and who could approve")
        why.add_argument("username")
        why.add_argument("repository", help="target/repository")
        why.add_argument("operation", choices=[operation.value for operation in Operation])
        why.add_argument("--for", dest="lasts", default="1h", help="15m, 4h")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except PolicyBroken as exc:
            raise CommandError("\n".join(("The policy cannot be used:", *exc.problems))) from exc

    def _load(self, options: dict[str, Any]) -> None:
        with files_of(options) as (directory, commit):
            if not settings.POLICY_TWO_PERSON or selectors.active_version() is None:
                version = services.load_policy(actor=GATEWAY, directory=directory, commit=commit)
                self.stdout.write(f"Policy version {version.number} counts now ({version.digest[:12]}).")
                return
            text, cases = read_directory(directory), read_case_texts(directory)
        loaded = Loaded(
            text, cases, commit, options["by"], options["because"] or options["alone"], bool(options["alone"])
        )
        try:
            self.stdout.write(propose(loaded))
        except GatewayError as exc:
            if isinstance(exc, PolicyBroken):
                raise
            raise CommandError(exc.sentence) from exc

    def _check(self, options: dict[str, Any]) -> None:
        with files_of(options) as (directory, commit):
            text = read_directory(directory)
        findings = check_text(text, known=known_names() if options["names"] else None)
        if options["json"]:
            found = {"digest": text.digest, "commit": commit, "findings": [one.as_json() for one in findings]}
            self.stdout.write(json.dumps(found, indent=2))
        failing = [one for one in findings if one.severity.rank <= Severity(options["fail_on"]).rank]
        lines = [one.as_line() for one in findings]
        if failing:
            raise CommandError("\n".join(["Something is wrong with this policy:", *([] if options["json"] else lines)]))
        if not options["json"]:
            worst = "" if not findings else f" but {len(findings)} finding{'' if len(findings) == 1 else 's'}"
            count = sum(len(lines_of({name: content})) for name, content in text.files.items())
            self.stdout.write(f"{count} rules in {len(text.files)} files, nothing wrong{worst} ({text.digest[:12]}).")
            self.stdout.write("\n".join(lines))

    def _test(self, options: dict[str, Any]) -> None:
        with files_of(options) as (directory, _):
            compiled, cases = compile_policy(read_directory(directory)), read_cases(directory)
        if not cases:
            raise CommandError("There is no case in it. Write some into a file such as cases.yaml.")
        failed = 0
        for case in cases:
            faults = case.faults(compiled)
            failed += bool(faults)
            self.stdout.write(f"{'✗' if faults else '✓'} {case.name}")
            for fault in faults:
                self.stdout.write(f"    expected {fault}")
        if failed:
            raise CommandError(f"{failed} of {len(cases)} cases failed.")
        self.stdout.write(f"{len(cases)} case{'' if len(cases) == 1 else 's'}, all as expected.")

    def _diff(self, options: dict[str, Any]) -> None:
        with files_of(options) as (directory, _):
            after = compile_policy(read_directory(directory))
        before = services.compiled_policy()
        if before is None:
            raise CommandError("No policy is loaded, so there is nothing to compare with.")
        cases = list(recorded_since(clock.now() - timedelta(days=max(1, options["days"]))))
        differences = list(compare(before, after, cases))
        for difference in differences:
            self.stdout.write("\n".join(difference_lines(difference)))
        self.stdout.write(summary_line(cases, differences, version=before.version, days=options["days"]))

    def _show(self, _options: dict[str, Any]) -> None:
        version = selectors.active_version()
        if version is None:
            raise CommandError("No policy is loaded, so nothing is open.")
        self.stdout.write(f"// version {version.number}, {version.digest}, loaded by {version.loaded_by}")
        for name, text in sorted(version.files.items()):
            self.stdout.write(f"\n// ---- {name}\n{text}")

    def _explain(self, options: dict[str, Any]) -> None:
        self.stdout.write("\n".join(_lines(services.explain(_question(options)))))

    def _why(self, options: dict[str, Any]) -> None:
        question = _question(options)
        found = services.why(question)
        people = {one.group: _who(one.group, options["username"]) for one in found.approvals_wanted}
        self.stdout.write("\n".join(why_lines(found, people)))


def _question(options: dict[str, Any]) -> Question:
    """With the best proof that the account can give, since nobody is signed in here."""
    user = find_by_name(options["username"])
    slug, _, name = options["repository"].partition("/")
    target = Target.objects.filter(slug=slug).first()
    if user is None or target is None or not name:
        raise CommandError("There is no such account, or no such target.")
    try:
        lasts_s = parse_duration(options["lasts"])
    except ValueError as exc:
        raise CommandError(str(exc)) from exc
    (resource,) = resources_of(target, [name])
    proof = Proof(Assurance.SECOND_FACTOR, 0) if user.is_person else Proof()
    return Question(subject_of(user), Operation(options["operation"]), resource, lasts_s, proof=proof)


def _who(group: str, username: str) -> tuple[str, ...]:
    return tuple(one.display_name for one in members_of(group).exclude(username=fold_name(username)))


def _lines(explanation: Explanation) -> list[str]:
    answer = explanation.answer
    verdict = "Allowed" if answer.is_allowed else "Refused"
    lines = [f"{verdict}: {answer.reason}. {sentence_of(answer.reason)}"]
    lines += [f"  rule {rule.rule} matches. {_terms(rule)}" for rule in explanation.matching]
    lines += [f"  rule {rule.rule} would need: {'; '.join(rule.missing)}" for rule in explanation.near]
    return lines


def _terms(rule: RuleExplanation) -> str:
    if not rule.is_permit:
        return rule.because
    terms = rule.terms
    wanted = approval_words(terms.approvals) if terms.approvals else "nobody's approval"
    limits = [f"at most {terms.byte_budget} bytes"] if terms.byte_budget else []
    limits += [f"at most {terms.request_budget} requests"] if terms.request_budget else []
    limits += [f"no files of {', '.join(terms.refused_files)}"] if terms.refused_files else []
    return f"At most {terms.lasts_at_most_s} s, {', '.join([wanted, *limits])}. {rule.because}"

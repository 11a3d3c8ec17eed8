"""Asks policy, and replaces it. Everything unexpected on the way to an answer is a refusal.

No policy, a broken policy, an unknown annotation, an evaluation error: nothing is open (invariant I5). A broken
policy never replaces the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from jit_access.audit.recorder import audited
from jit_access.audit.services import record_refusal
from jit_access.domain.actors import ActorRef
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.policies.answers import PolicyAnswer, check_duration, combine, refused
from jit_access.policies.compiler import CompiledPolicy, PolicyText, compile_policy
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.explanation import Explanation, explain_question
from jit_access.policies.loader import read_directory
from jit_access.policies.models import PolicyVersion
from jit_access.policies.questions import Question
from jit_access.policies.versions import activate_version, active_version, add_version, take_turns
from jit_access.policies.why import Why
from jit_access.policies.why import why as why_by

_TABLE = PolicyVersion._meta.db_table
_KEPT_VERSIONS = 4  # the active one, and the few that open requests were shown


def decide(question: Question, *, version: int | None = None) -> PolicyAnswer:
    """Answer one question by the active policy, or by the version with that number. One query."""
    return decide_all((question,), version=version)


def decide_all(questions: Iterable[Question], *, version: int | None = None) -> PolicyAnswer:
    """One answer to several questions asked together: all must be allowed, the strictest terms of all count.

    The reason is `lasts-too-long` when everything is allowed as such but not for so long; `lasts_at_most_s` then
    says how long would do.
    """
    asked = tuple(questions)
    answer = combine(decide_each(asked, version=version))
    return check_duration(answer, max((question.lasts_s for question in asked), default=0))


def decide_each(questions: Iterable[Question], *, version: int | None = None) -> tuple[PolicyAnswer, ...]:
    """One answer per question, for lists that show what could be asked. One query, and duration left aside."""
    asked = tuple(questions)
    try:
        compiled = compiled_policy(version)
    except PolicyBroken:
        return tuple(refused(Reason.POLICY_BROKEN) for _ in asked)
    if compiled is None:
        return tuple(refused(Reason.POLICY_MISSING) for _ in asked)
    return tuple(compiled.ask(question) for question in asked)


def compiled_policy(version: int | None = None) -> CompiledPolicy | None:
    """The handles of the active version, or of one by its number; None when there is no such version.

    Raises: PolicyBroken when the stored text no longer compiles, for example after an upgrade of the engine.
    """
    which, values = ("is_active", ()) if version is None else ("number = %s", (version,))
    with connection.cursor() as cursor:  # not the ORM, which costs more here than the decision
        cursor.execute(f"SELECT number, digest FROM {_TABLE} WHERE {which}", values)  # noqa: S608  # constants
        row = cursor.fetchone()
    return None if row is None else _compile_stored(*row)


@lru_cache(maxsize=_KEPT_VERSIONS)
def _compile_stored(number: int, digest: str) -> CompiledPolicy:
    row = PolicyVersion.objects.get(number=number)
    text = PolicyText(row.schema_text, row.files)
    if text.digest != digest:
        raise PolicyBroken((f"the stored text of version {number} is not what was loaded",))
    return compile_policy(text, version=number)


def load_policy(*, actor: ActorRef, directory: Path, commit: str = "") -> PolicyVersion:
    """Make the files of a directory the active policy; the same files again change nothing.

    `commit` is kept with the version where the files are those of a commit. Where two people are asked for, this loads
    the very first policy of an installation and nothing else; see the room `policy_changes`.

    Raises: PolicyBroken or PolicyRefusal (second-person-needed), recorded, with the active version untouched.
    """
    try:
        text = read_directory(directory)
        compile_policy(text)
    except PolicyBroken as exc:
        record_refusal(actor=actor, kind="policy.refused", reason=exc.reason, detail={"problem": exc.problems[0]})
        raise
    with audited(actor=actor):
        take_turns()
        active = active_version()
        if active is not None and active.digest == text.digest:
            return active
        if settings.POLICY_TWO_PERSON and PolicyVersion.objects.exists():
            record_refusal(actor=actor, kind="policy.refused", reason=Reason.SECOND_PERSON_NEEDED)
            raise PolicyRefusal(Reason.SECOND_PERSON_NEEDED)
        said = {} if PolicyVersion.objects.exists() else {"first": True}
        row = add_version(actor=actor, text=text, commit=commit)
        activate_version(actor=actor, version=row, said=said)
        return row


def why(question: Question, *, hides_names: bool = False) -> Why:
    """The answer by the active policy, the rules near it, and what would have to be otherwise."""
    try:
        compiled = compiled_policy()
    except PolicyBroken:
        return Why(refused(Reason.POLICY_BROKEN), ())
    if compiled is None:
        return Why(refused(Reason.POLICY_MISSING), ())
    return why_by(compiled, question, hides_names=hides_names)


def explain(question: Question, *, version: int | None = None) -> Explanation:
    """The answer, every rule that matched, and every permit that nearly did. Nothing of these without a policy."""
    answer = decide(question, version=version)
    try:
        compiled = compiled_policy(version)
        if compiled is not None:
            return explain_question(compiled, question, answer)
    except (PolicyBroken, ValueError):
        pass  # the answer already says that policy is broken; there is nothing to add to it
    return Explanation(answer, (), ())

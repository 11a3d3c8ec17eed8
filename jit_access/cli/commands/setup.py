"""`jit setup`: lets the tools that somebody has ask `jit` for tokens, and takes that back again."""

from __future__ import annotations

import argparse

from jit_access.cli.files import config_folder
from jit_access.cli.kinds import HF, MLFLOW, S3
from jit_access.cli.places import Places
from jit_access.cli.session import Session
from jit_access.cli.setups import plans
from jit_access.cli.setups.own_entries import Entry, Memory, Plan, plan_setup, plan_undo
from jit_access.cli.token_files import token_file
from jit_access.cli.troubles import Exit, Trouble
from jit_access.cli.words import Mark

MEMORY = "setup.json"
_NO_HINTS: tuple[str, ...] = ()
_KINDS = {HF: HF, MLFLOW: MLFLOW, plans.AWS: S3}
_NAMES = {HF: "a Hugging Face hub", MLFLOW: "an MLflow server", S3: "an S3 store"}
# Kinds of targets that the gateway does not guard yet. Their setups would have nothing to point at.
_TO_COME = {plans.KUBE: ("kubernetes", "a cluster"), plans.SSH: ("ssh", "an SSH host")}


def setup(options: argparse.Namespace, session: Session) -> int:
    """Plan it, show it or carry it out, and say what to do next."""
    memory = Memory(config_folder() / MEMORY)
    if options.undo:
        plan, hints = plan_undo(memory, options.tool, options.target, plans.entry_of), _NO_HINTS
    else:
        plan, hints = _wanted(memory, options, session)
    if options.dry_run:
        session.terminal.data.write(plan.difference(), end="")
        session.terminal.note("Nothing was written." if plan.is_needed else "There is nothing to change.")
        return Exit.DONE
    plan.carry_out()
    for line in plan.said:
        session.terminal.say(Mark.DONE, line)
    for line in hints:
        session.terminal.note(line)
    if session.terminal.is_json:
        session.terminal.answer({"changed": [str(item.path) for item in plan.changes if item.is_needed]})
    return Exit.DONE


def _wanted(memory: Memory, options: argparse.Namespace, session: Session) -> tuple[Plan, tuple[str, ...]]:
    places = Places(session.client)
    places.read()
    entries, hints = _entries(options.tool, options.target, places, session)
    return plan_setup(memory, options.tool, options.target, entries), hints


def _entries(tool: str, named: str, places: Places, session: Session) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    gateway, address = places.gateway, session.site.address
    if tool in _TO_COME:
        raise _nothing_there(tool, places)
    if tool == plans.DOCKER:
        return plans.docker_entries(gateway), _docker_hints()
    target = _target(tool, named, places)
    if tool == plans.AWS:
        return plans.aws_entries(gateway, target, address=address), (f"aws --profile jit-{target} s3 ls …",)
    file = token_file(session.client, target)
    make = plans.hf_entries if tool == HF else plans.mlflow_entries
    return make(gateway, target, token_file=file), (
        f"In each shell:  . {plans.variables_file(tool, target)}",
        "`jit agent` keeps the token in its file while a grant is open; start it beside.",
    )


def _nothing_there(tool: str, places: Places) -> Trouble:
    """Said plainly: an entry that leads nowhere would only fail later, in another tool's words."""
    kind, name = _TO_COME[tool]
    if places.targets(kind):
        return Trouble(f"The gateway guards {name}, and this version of jit cannot set it up. Update jit.", Exit.FAILED)
    return Trouble(f"This gateway does not guard {name}. Nothing was changed.", Exit.NOT_FOUND, code="no-such-target")


def _docker_hints() -> tuple[str, ...]:
    if not plans.has_helper():
        raise Trouble(
            f"{plans.HELPER} is not on PATH, so Docker could not start it. Nothing was changed.",
            Exit.FAILED,
            code="not-on-path",
            advice="Add the folder that `jit` was installed to, and run this again",
        )
    return ("docker, skopeo, podman and oras now use the grant that you started last. JIT_GRANT names another.",)


def _target(tool: str, named: str, places: Places) -> str:
    """The one that was named, or the only one. Raises: Trouble."""
    kind = _KINDS[tool]
    known = places.targets(kind)
    if named in known or (not named and len(known) == 1):
        return named or known[0]
    if not known:
        raise Trouble(f"This gateway does not guard {_NAMES[kind]}.", Exit.NOT_FOUND, code="no-such-target")
    listed = ", ".join(known)
    sentence = f"There is no {named} of this kind." if named else "There are several."
    raise Trouble(f"{sentence} Name one: {listed}", Exit.USAGE, code="name-one")

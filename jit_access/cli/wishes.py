"""What is asked for, and what the gateway says of it before anything is sent."""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

from jit_access.cli.resources import Resource, parse_resource
from jit_access.cli.session import Session
from jit_access.cli.times import duration_words, parse_duration
from jit_access.cli.troubles import STEP_UP_CODES, Exit, StepUpNeeded, Trouble
from jit_access.cli.words import Mark

MAX_REASON_CHARS = 1000
_ELEVATED, _HIGH = 40, 80  # UI.md, Risk


class Wish(NamedTuple):
    """One request before it is one."""

    resource: Resource
    operations: tuple[str, ...]
    lasts_s: int
    reason: str
    ticket: str = ""

    @property
    def part(self) -> dict[str, Any]:
        """Exactly what was named: a tag or a digest narrows it."""
        wanted = self.resource
        part: dict[str, Any] = {"repository": wanted.repository, "operations": list(self.operations)}
        part |= {"tags": [wanted.tag]} if wanted.tag else {}
        return part | ({"digests": [wanted.digest]} if wanted.digest else {})

    @property
    def question(self) -> dict[str, Any]:
        return {"target": self.resource.target, "resources": [self.part], "lasts_s": self.lasts_s}

    @property
    def body(self) -> dict[str, Any]:
        return self.question | {"purpose": self.reason, "ticket": self.ticket}

    @property
    def words(self) -> str:
        return f"{' and '.join(self.operations)} {self.resource.shown} for {duration_words(self.lasts_s)}"


def read_wish(options: argparse.Namespace, session: Session) -> Wish:
    """From the command line. Raises: Trouble for what cannot be asked."""
    resource = parse_resource(options.resource)
    check_host(session, resource)
    operations = tuple(dict.fromkeys(options.op)) or ((resource.operation,) if resource.operation else ("pull",))
    reason = " ".join(options.reason.split())
    if not reason or len(reason) > MAX_REASON_CHARS:
        raise Trouble(f"Say what you need it for: --reason TEXT, at most {MAX_REASON_CHARS} characters.", Exit.USAGE)
    return Wish(resource, operations, parse_duration(options.lasts), reason, options.ticket)


def check_host(session: Session, resource: Resource) -> None:
    """Raises: Trouble when a name was pasted that is of another registry: the access would be to something else."""
    if not resource.host:
        return
    told = session.get("/gateway")
    hosts = {str(told[name]).partition("://")[2].lower() for name in ("url", "tls_url") if told.get(name)}
    if resource.host not in hosts:
        raise Trouble(
            f"{resource.host} is not this gateway, which is {' and '.join(sorted(hosts))}.",
            Exit.USAGE,
            advice=f"Without the host it means {resource.shown} at the gateway",
        )


def preview(session: Session, wish: Wish) -> dict[str, Any]:
    """Ask what would happen, and say it. Raises: Trouble when it would be refused."""
    found: dict[str, Any] = session.post("/requests/preview", wish.question, is_repeatable=True)
    terminal = session.terminal
    if not found["is_allowed"] and _wants_proof(found):
        session.prove(_proof_needed(found))
        found = session.post("/requests/preview", wish.question, is_repeatable=True)
    if not found["is_allowed"]:
        raise _proof_needed(found) if _wants_proof(found) else _refusal(wish, found)
    terminal.say(Mark.WAITING, f"Asking to {wish.words}")
    for name, value in preview_facts(found):
        terminal.note(f"{name.ljust(8)} {value}")
    return found


def preview_facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Who decides, what has to be proved, how risky it looks."""
    facts: list[tuple[str, str]] = []
    if found["is_auto"]:
        facts.append(
            ("Decides", f"a rule, at once: {', '.join(one['rule'] for one in found['auto_approval'] if one['is_met'])}")
        )
    elif not found["steps"]:
        facts.append(("Decides", "nobody: a rule allows it at once"))
    else:
        facts += [("Decides" if at == 0 else "and" if step["stage"] == 1 else "then", step_words(step))
                  for at, step in enumerate(found["steps"])]  # fmt: skip
    if found["factor_max_age_s"]:
        state = "" if found["is_factor_fresh"] else ", asked of you when it starts"
        facts.append(("Proof", f"a second factor from the last {duration_words(found['factor_max_age_s'])}{state}"))
    facts.append(("Risk", risk_words(found["risk"])))
    return facts


def step_words(step: dict[str, Any]) -> str:
    """`1 of model-owners: Ben Laurent, Mara Ito`."""
    people = ", ".join(person["name"] for person in step["people"]) or "nobody is there"
    return f"{step['needed']} of {step['group']}: {people}"


def risk_words(risk: dict[str, Any]) -> str:
    """The word, the score, and what raises it most."""
    score = int(risk["score"])
    word = "High" if score >= _HIGH else "Elevated" if score >= _ELEVATED else "Low"
    raising = sorted((one for one in risk["reasons"] if one["points"] > 0), key=lambda one: -one["points"])
    because = "; ".join(one["sentence"].rstrip(".") for one in raising[:2])
    return f"{word} {score}{f': {because}' if because else ''}"


def _wants_proof(found: dict[str, Any]) -> bool:
    return bool(found["why_not"]) and found["why_not"]["code"] in STEP_UP_CODES


def _proof_needed(found: dict[str, Any]) -> StepUpNeeded:
    """Nothing was sent yet, so what is asked of the request is asked of the sign-in."""
    age_s = int(found["factor_max_age_s"]) or None
    sentence = "A rule asks for a second factor, and this sign-in has not shown one that counts."
    return StepUpNeeded(sentence, code=found["why_not"]["code"], max_age_s=age_s)


def _refusal(wish: Wish, found: dict[str, Any]) -> Trouble:
    why = found["why_not"] or {"code": "", "sentence": "A rule says no."}
    longest = int(found["lasts_at_most_s"])
    advice = f"Why: jit why {wish.resource.name} --op {wish.operations[0]} --for {wish.lasts_s}s"
    if why["code"] == "lasts-too-long" and longest:
        advice = f"At most {duration_words(longest)}: ask with a shorter --for"
    return Trouble(
        f"{wish.words}: {why['sentence']}",
        Exit.DENIED,
        code=why["code"],
        advice=advice,
        fields={"lasts_at_most_s": longest},
    )

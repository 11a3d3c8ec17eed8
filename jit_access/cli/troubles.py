"""What can go wrong, and the exit status that scripts branch on. The numbers never change their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """Why `jit` ended. `jit run` ends with the status of its command instead, once that was started."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PENDING = 3
    DENIED = 4
    STEP_UP = 5
    EXPIRED = 6
    SIGNED_OUT = 7
    NOT_FOUND = 8
    CHANGED = 9
    AWAY = 10
    NOT_EXECUTABLE = 126
    NO_SUCH_COMMAND = 127
    INTERRUPTED = 130


# What each number means, for the reference page and `jit help exit-codes`.
MEANINGS: Mapping[Exit, str] = {
    Exit.DONE: "Done. For a request: it is approved.",
    Exit.FAILED: "Something else went wrong; the sentence says what.",
    Exit.USAGE: "The command was not typed as it can be used, or the gateway could not use what was sent.",
    Exit.PENDING: "It waits for other people. Nothing is refused.",
    Exit.DENIED: "Refused, by policy or by a person.",
    Exit.STEP_UP: "A fresh second factor is needed, and nobody was there to show it.",
    Exit.EXPIRED: "Too late: the grant, the request or the time to start ran out.",
    Exit.SIGNED_OUT: "Not signed in, or the sign-in is over. `jit login` mends it.",
    Exit.NOT_FOUND: "There is nothing of that name that you may see.",
    Exit.CHANGED: "It changed in the meantime, or was decided already. Look again.",
    Exit.AWAY: "The gateway does not answer, answers too slowly, or not as it should. Trying again later can help.",
    Exit.NOT_EXECUTABLE: "`jit run`: the command is there and cannot be executed.",
    Exit.NO_SUCH_COMMAND: "`jit run`: there is no such command.",
    Exit.INTERRUPTED: "Ended by Ctrl-C. What is open at the gateway stays open; the last line says how to go on.",
}


class Trouble(Exception):
    """It ends the command: a sentence for people, a code for scripts, an exit status, and what to do next."""

    def __init__(
        self, sentence: str, status: Exit = Exit.FAILED, *, code: str = "", advice: str = "",
        fields: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.code = code
        self.advice = advice
        self.fields = dict(fields or {})


class StepUpNeeded(Trouble):
    """The gateway wants a fresher or a stronger second factor than it has seen (RFC 9470)."""

    def __init__(self, sentence: str, *, code: str, max_age_s: int | None = None, acr_values: str = "") -> None:
        super().__init__(sentence, Exit.STEP_UP, code=code)
        self.max_age_s = max_age_s
        self.acr_values = acr_values


STEP_UP_CODES = frozenset({"second-factor-missing", "second-factor-stale", "passkey-needed"})
_EXPIRED_CODES = frozenset({"grant-expired", "answer-too-late", "start-too-late"})
_SIGN_IN = "Sign in: jit login"


def trouble_of(http_status: int, problem: Mapping[str, object], challenge: Mapping[str, str]) -> Trouble:
    """A refusal of the gateway (RFC 9457) as what ends the command. `challenge` is what WWW-Authenticate said."""
    code, sentence = str(problem.get("code", "")), str(problem.get("detail", "")) or "The gateway refused this."
    given = problem.get("fields")
    fields = given if isinstance(given, Mapping) else {}
    if code in STEP_UP_CODES or challenge.get("error") == "insufficient_user_authentication":
        age = challenge.get("max_age") or str(fields.get("max_age_s", ""))
        max_age_s = int(age) if age.isascii() and age.isdecimal() and len(age) < 10 else None
        return StepUpNeeded(sentence, code=code, max_age_s=max_age_s, acr_values=challenge.get("acr_values", ""))
    status = Exit.EXPIRED if code in _EXPIRED_CODES else _status_of(http_status)
    advice = _SIGN_IN if status is Exit.SIGNED_OUT else _fields_in_words(fields) if code == "invalid-input" else ""
    return Trouble(sentence, status, code=code, advice=advice, fields=fields)


def _status_of(http_status: int) -> Exit:
    known = {401: Exit.SIGNED_OUT, 403: Exit.DENIED, 404: Exit.NOT_FOUND, 409: Exit.CHANGED, 412: Exit.CHANGED}
    if http_status in known:
        return known[http_status]
    if http_status in {429, 502, 503, 504}:
        return Exit.AWAY
    return Exit.USAGE if 400 <= http_status < 500 else Exit.FAILED


def _fields_in_words(fields: Mapping[str, object]) -> str:
    """Which field is wrong, and how; nested ones are left to --json."""
    said = []
    for name, value in fields.items():
        first = value[0] if isinstance(value, list) and value else value
        said.append(f"{name}: {first}")
    return "; ".join(said)

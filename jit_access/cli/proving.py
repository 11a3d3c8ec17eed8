"""The second factor, shown again: on the page that the browser opens, or as a code typed where nobody sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_access.cli import store
from jit_access.cli.times import duration_words
from jit_access.cli.troubles import Exit, StepUpNeeded, Trouble
from jit_access.cli.words import Mark

if TYPE_CHECKING:
    from jit_access.cli.session import Session

_MAX_CODE_CHARS = 40


def prove_again(session: Session, needed: StepUpNeeded, *, takes_code: bool) -> str:
    """Have it shown. Returns the code to send, or nothing when the sign-in itself is fresh now.

    Raises: StepUpNeeded when nobody can be asked here.
    """
    terminal = session.terminal
    held = store.find(session.site.address)
    is_signed_in = held is not None and held.kind == "access" and not store.is_given()
    is_passkey = needed.code == "passkey-needed"
    if not terminal.is_interactive or not (is_signed_in or (takes_code and not is_passkey)):
        needed.advice = _advice(session, is_signed_in=is_signed_in, is_passkey=is_passkey)
        raise needed
    within = f" from the last {duration_words(needed.max_age_s)}" if needed.max_age_s else ""
    terminal.say(
        Mark.ATTENTION, f"Prove it is you, then this goes on. It needs a second factor{within}.", code=needed.code
    )
    if takes_code and not is_passkey:
        code = ask_code(or_browser=is_signed_in)
        if code or not is_signed_in:
            return code
    from jit_access.cli.sign_in import sign_in_by_browser  # noqa: PLC0415  # the whole ceremony, rarely needed

    acr_values = needed.acr_values or ("phishing-resistant" if is_passkey else "")
    session.use(sign_in_by_browser(session.site, terminal, acr_values=acr_values, max_age_s=needed.max_age_s))
    return ""


def ask_code(*, or_browser: bool) -> str:
    """A code, typed unseen. Raises: Trouble when it is no code."""
    import getpass  # noqa: PLC0415  # only here

    way = ", or Enter to use the browser" if or_browser else ""
    code = getpass.getpass(f"  Code of your authenticator{way}: ").strip().replace(" ", "")
    if len(code) > _MAX_CODE_CHARS or not (code or or_browser):
        raise Trouble("That is not a code.", Exit.STEP_UP, code="second-factor-wrong")
    return code


def _advice(session: Session, *, is_signed_in: bool, is_passkey: bool) -> str:
    if is_signed_in:
        return "Run it in a terminal, where the second factor can be shown, or sign in anew: jit login"
    way = "passkey" if is_passkey else "second factor"
    return f"An API token shows no {way}. Sign in with the browser: jit login {session.site.address}"

"""The one door for Slack. Raw bytes, signature, origin, then form; everything else happens later.

No session is looked at and no cookie counts: what is not signed by Slack is refused, from wherever it came.
"""

from __future__ import annotations

from typing import Any, Final

import structlog
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from jit_access.access_requests.drafts import MAX_NOTE_CHARS
from jit_access.audit.outside import record_outside_refusal
from jit_access.core import clock
from jit_access.core.problems import problem, problem_response
from jit_access.domain.actors import NOBODY
from jit_access.domain.errors import CallerError, GatewayError
from jit_access.domain.reasons import Reason
from jit_access.mfa.sign_in import client_address
from jit_access.notifications.slack_links import SlackAccount, hash_code, linked_user
from jit_access.slack import blocks
from jit_access.slack.app import SlackApp, configured_app
from jit_access.slack.clicks import take_in
from jit_access.slack.client import INLINE_TIMEOUT_S, SlackClient, SlackFailure
from jit_access.slack.inbound import (
    DENY_WINDOW,
    MAX_BODY_BYTES,
    Act,
    Commanded,
    Pressed,
    Submitted,
    about_text,
    key_of,
    parse_act,
)
from jit_access.slack.models import ClickAction
from jit_access.slack.outbox import leave_note
from jit_access.slack.signing import check_signature

_STATUS: Final = {
    Reason.SLACK_SIGNATURE_WRONG: 401,
    Reason.SLACK_REQUEST_STALE: 401,
    Reason.SLACK_OTHER_WORKSPACE: 403,
    Reason.MALFORMED_REQUEST: 400,
    Reason.REQUEST_TOO_LARGE: 413,
    Reason.METHOD_NOT_ALLOWED: 405,
}
_HELP: Final = "To link your account, get a code in the gateway (Security settings) and type it here after `link`."

log = structlog.get_logger(__name__)


@csrf_exempt  # Slack has no cookie of ours; its signature is the proof
def receive(request: HttpRequest) -> HttpResponse:
    """Buttons, windows and commands. Answers in well under 3 s whatever becomes of it."""
    app = configured_app()
    if app is None:
        return problem_response(problem(Reason.NOT_FOUND, status=404))
    try:
        return _no_store(_answer(app, _read(app, request)))
    except GatewayError as refusal:
        record_outside_refusal(
            actor=NOBODY, kind="slack.refused", reason=refusal.reason, address=client_address(request)
        )
        return _no_store(problem_response(problem(refusal.reason, status=_STATUS.get(refusal.reason, refusal.status))))


def _read(app: SlackApp, request: HttpRequest) -> Act:
    if request.method != "POST":
        raise CallerError(Reason.METHOD_NOT_ALLOWED)
    body = request.read(MAX_BODY_BYTES + 1)  # before anything parses it, and no more than this
    if len(body) > MAX_BODY_BYTES:
        raise CallerError(Reason.REQUEST_TOO_LARGE)
    check_signature(app, headers=request.headers, body=body, now=clock.now())
    return parse_act(app, body)


def _answer(app: SlackApp, act: Act) -> HttpResponse:
    if isinstance(act, Commanded):
        return _command(act)
    if isinstance(act, Submitted):
        return _submit(act)
    return _press(app, act)


def _command(act: Commanded) -> HttpResponse:
    if len(act.words) != 2 or act.words[0].lower() != "link":
        return JsonResponse({"response_type": "ephemeral", "text": _HELP})
    _once(act, ClickAction.LINK, text=hash_code(act.words[1]))
    # The same words for every code: a guess learns nothing here.
    said = "Go back to the gateway: if that was your code, it asks you there whether this Slack account is yours."
    return JsonResponse({"response_type": "ephemeral", "text": said})


def _submit(act: Submitted) -> HttpResponse:
    reason = act.reason.strip()
    if not reason or len(reason) > MAX_NOTE_CHARS:
        said = "Say why, in a few words." if not reason else f"A note has at most {MAX_NOTE_CHARS} characters."
        return JsonResponse({"response_action": "errors", "errors": {"reason": said}})
    about = act.about
    facts = {"request_id": about.request_id, "payload_hash": about.payload_hash, "channel": about.channel}
    _once(act, ClickAction.DENY, text=reason, **facts)
    return JsonResponse({"response_action": "clear"})


def _press(app: SlackApp, act: Pressed) -> HttpResponse:
    if act.about is None or act.action not in {"approve", "deny"}:
        return HttpResponse()  # a link of ours was followed: that is between the reader and our page
    facts = {"request_id": act.about.request_id, "payload_hash": act.about.payload_hash, "channel": act.channel}
    if act.action == "approve":
        _once(act, ClickAction.APPROVE, **facts)
        return HttpResponse()
    if linked_user(SlackAccount(app.team_id, act.user_id)) is None:
        _once(act, ClickAction.DENY, text="-", **facts)  # is refused there, and said
        return HttpResponse()
    if _once(act, ClickAction.OPEN_DENY, done_at=clock.now(), **facts):
        _open_window(app, act)
    return HttpResponse()


def _once(act: Act, action: ClickAction, **facts: Any) -> bool:
    """Take it in. A repetition is answered as the first time, so that Slack stops, and counts for nothing."""
    with transaction.atomic():
        is_new = take_in(key_of(act), action, act.user_id, **facts)
    if not is_new:
        detail = {"action": str(action), "slack_user": act.user_id}
        record_outside_refusal(actor=NOBODY, kind="slack.refused", reason=Reason.SLACK_REQUEST_REPEATED, detail=detail)
    return is_new


def _open_window(app: SlackApp, act: Pressed) -> None:
    """The one call that cannot wait: Slack takes it for 3 s after the click."""
    if act.about is None:
        return
    try:
        client = SlackClient(app, timeout_s=INLINE_TIMEOUT_S)
        client.open_window(act.trigger_id, _deny_window(about_text(act.about, act.channel)))
    except SlackFailure as failure:
        log.warning("slack.no-window", code=failure.code)
        leave_note(
            act.channel or act.user_id,
            only_for=act.user_id if act.channel else "",
            subject="Slack did not open the window. Deny it on the page, or press Deny again.",
            path=f"/approvals/{act.about.request_id}",
            dedupe_key=f"click:{key_of(act)}",
        )


def _deny_window(about: str) -> dict[str, Any]:
    reason = {
        "type": "input",
        "block_id": "reason",
        "label": blocks.plain("Why? Whoever asked reads this."),
        "element": {
            "type": "plain_text_input",
            "action_id": "text",
            "multiline": True,
            "min_length": 1,
            "max_length": MAX_NOTE_CHARS,
        },
    }
    return {
        "type": "modal",
        "callback_id": DENY_WINDOW,
        "private_metadata": about,
        "title": blocks.plain("Deny this request"),
        "submit": blocks.plain("Deny"),
        "close": blocks.plain("Leave it open"),
        "blocks": [reason],
    }


def _no_store(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response

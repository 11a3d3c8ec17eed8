"""One filled example of every page, for template tests and for pictures. Words and numbers as in the UI guide."""

from __future__ import annotations

from tests.web.samples.activity_pages import activity_page, record_page
from tests.web.samples.agents import agent_form, agent_page, agents_page
from tests.web.samples.asking import request_form_page, request_state_page
from tests.web.samples.common import NOW_ISO, make_shell
from tests.web.samples.deciding import approval_page, approvals_page
from tests.web.samples.gates import codes_page, prove_page, refusal_page, setup_page, sign_in_page
from tests.web.samples.holding import empty_my_access_page, my_access_page, token_page, tokens_page
from tests.web.samples.managing import (
    api_token_page,
    passkey_form,
    password_form,
    security_page,
    target_form,
    target_page,
    targets_page,
    token_form,
)

__all__ = [
    "NOW_ISO",
    "activity_page",
    "agent_form",
    "agent_page",
    "agents_page",
    "api_token_page",
    "approval_page",
    "approvals_page",
    "codes_page",
    "empty_my_access_page",
    "make_shell",
    "my_access_page",
    "passkey_form",
    "password_form",
    "prove_page",
    "record_page",
    "refusal_page",
    "request_form_page",
    "request_state_page",
    "security_page",
    "setup_page",
    "sign_in_page",
    "target_form",
    "target_page",
    "targets_page",
    "token_form",
    "token_page",
    "tokens_page",
]

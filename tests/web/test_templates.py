"""Every template with a full example: one heading, no repeated id, fields labelled, what people type is text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.template.loader import render_to_string

from jit_access.web.viewmodels.parts import Notice
from tests.web import samples

PAGES = {
    "my-access": ("web/my_access.html", samples.my_access_page),
    "my-access-empty": ("web/my_access.html", samples.empty_my_access_page),
    "token": ("web/token.html", samples.token_page),
    "tokens": ("web/tokens.html", samples.tokens_page),
    "request": ("web/request_form.html", samples.request_form_page),
    "request-state": ("web/request_state.html", samples.request_state_page),
    "approvals": ("web/approvals.html", samples.approvals_page),
    "approval": ("web/approval.html", samples.approval_page),
    "activity": ("web/activity.html", samples.activity_page),
    "record": ("web/record.html", samples.record_page),
    "security": ("web/security.html", samples.security_page),
    "agent": ("web/agent.html", samples.agent_page),
    "agents": ("web/agents.html", samples.agents_page),
    "agent-form": ("web/agent_form.html", samples.agent_form),
    "password": ("web/password_form.html", samples.password_form),
    "passkey": ("web/passkey_form.html", samples.passkey_form),
    "token-form": ("web/token_form.html", samples.token_form),
    "api-token": ("web/api_token.html", samples.api_token_page),
    "targets": ("web/targets.html", samples.targets_page),
    "target": ("web/target.html", samples.target_page),
    "target-form": ("web/target_form.html", samples.target_form),
    "sign-in": ("web/gate_form.html", samples.sign_in_page),
    "prove": ("web/gate_form.html", samples.prove_page),
    "set-up": ("web/factor_setup.html", samples.setup_page),
    "codes": ("web/recovery_codes.html", samples.codes_page),
    "refusal": ("web/refusal.html", samples.refusal_page),
}


def render(name: str, page: object | None = None) -> str:
    template, sample = PAGES[name]
    context = {"page": page or sample(), "shell": samples.make_shell(), "theme": "dark", "now_iso": samples.NOW_ISO}
    return render_to_string(template, context)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_well_formed(name: str) -> None:
    html = render(name)
    assert len(re.findall(r"<h1\b", html)) == 1
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), sorted(item for item in ids if ids.count(item) > 1)
    for anchor in re.findall(r'href="#([^"]+)"', html):
        assert anchor in ids, anchor
    for label in re.findall(r'<label[^>]*\sfor="([^"]+)"', html):
        assert label in ids, label
    for described in re.findall(r'aria-(?:describedby|labelledby)="([^"]+)"', html):
        assert described in ids, described
    assert 'data-theme="dark"' in html
    assert " style=" not in html
    assert "None" not in re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize("name", PAGES)
def test_no_forbidden_words(name: str) -> None:
    text = re.sub(r"(?s)<svg.*?</svg>|<[^>]+>", " ", render(name)).lower()
    for word in ("successfully", "please", "oops", "invalid", "are you sure", "submit"):
        assert word not in text
    assert not re.search(r"[a-z]!", text)


def test_what_people_type_is_text_and_never_markup() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    page = replace(samples.approval_page(), quote=hostile, ticket=hostile)
    html = render("approval", page)
    assert hostile not in html
    assert "&lt;img src=x" in html


def test_a_notice_carries_sentence_rest_action_and_code() -> None:
    notice = Notice("Exposed since 13:48 UTC, 7 min: revoke failed at hf-mirror.", "Tried 14 times.", "stop", "alert")
    html = render("my-access", replace(samples.my_access_page(), notice=notice))
    assert "Exposed since 13:48 UTC, 7 min: revoke failed at hf-mirror." in html
    assert html.index("notice--stop") < html.index("<h1")


def test_a_cut_rail_is_told_in_words_too() -> None:
    html = render("activity")
    assert 'aria-label="41.2 of 131 GiB delivered, then cut; 89.8 GiB never left"' in html
    assert "89.8 of 131 GiB never left" in html

"""Every page's address. GET shows, POST changes."""

from __future__ import annotations

from django.urls import path

from jit_access.web.views import (
    activity,
    approvals,
    factor,
    grants,
    my_access,
    request_form,
    requests,
    security,
    sign_in,
    targets,
    tokens,
)

app_name = "web"
urlpatterns = [
    path("", my_access.show_home, name="home"),
    path("sign-in", sign_in.sign_in, name="sign-in"),
    path("sign-out", sign_in.sign_out, name="sign-out"),
    path("second-factor", factor.prove, name="prove"),
    path("second-factor/recovery", factor.recover, name="recover"),
    path("second-factor/set-up", factor.set_up, name="set-up"),
    path("access", my_access.show_my_access, name="my-access"),
    path("access/<str:public_id>/start", grants.start, name="grant-start"),
    path("access/<str:public_id>/end", grants.end, name="grant-end"),
    path("access/<str:public_id>/revoke", grants.revoke, name="grant-revoke"),
    path("access/<str:public_id>/token", tokens.issue, name="grant-token"),
    path("access/<str:public_id>/tokens", tokens.show_tokens, name="grant-tokens"),
    path("access/<str:public_id>/tokens/<str:token_id>/rotate", tokens.rotate, name="grant-token-rotate"),
    path("access/<str:public_id>/tokens/<str:token_id>/revoke", tokens.revoke, name="grant-token-revoke"),
    path("request", request_form.follow_link, name="request-link"),
    path("requests/new", request_form.show_form, name="request-new"),
    path("requests/preview", request_form.show_preview, name="request-preview"),
    path("requests/<str:public_id>", requests.show_request, name="request"),
    path("requests/<str:public_id>/withdraw", requests.withdraw, name="request-withdraw"),
    path("approvals", approvals.show_approvals, name="approvals"),
    path("approvals/<str:public_id>", approvals.show_approval, name="approval"),
    path("approvals/<str:public_id>/approve", approvals.approve, name="approve"),
    path("approvals/<str:public_id>/deny", approvals.deny, name="deny"),
    path("activity", activity.show_activity, name="activity"),
    path("activity/export", activity.export, name="activity-export"),
    path("activity/<str:record_id>", activity.show_record, name="record"),
    path("settings", security.show_settings, name="settings"),
    path("settings/look", security.save_look, name="settings-look"),
    path("settings/recovery-codes", security.renew_codes, name="settings-codes"),
    path("settings/sessions/end", security.end_sessions, name="settings-sessions-end"),
    path("settings/tokens/new", security.new_token, name="settings-token-new"),
    path("settings/tokens/<str:public_id>/revoke", security.revoke_token, name="settings-token-revoke"),
    path("targets", targets.show_targets, name="targets"),
    path("targets/new", targets.add_target, name="target-new"),
    path("targets/<str:public_id>", targets.show_target, name="target"),
    path("targets/<str:public_id>/check", targets.check, name="target-check"),
    path("targets/<str:public_id>/discover", targets.discover, name="target-discover"),
    path("repositories/<str:public_id>/tier", targets.set_tier, name="repository-tier"),
]

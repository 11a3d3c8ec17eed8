"""The worker's and the beat's entry point, and the table of everything that runs by itself.

Celery shortens lags; it never is what makes access end. Each job here may run twice, late or not at all.
"""

from __future__ import annotations

from celery import Celery

from jit_access.core import celery_context

app = Celery("jit_access")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
celery_context.connect()
app.conf.beat_schedule = {
    "expire-grants": {"task": "jit_access.grants.tasks.expire_due_grants", "schedule": 5.0},
    "finish-revocations": {"task": "jit_access.grants.tasks.finish_due_revocations", "schedule": 5.0},
    "reevaluate-grants": {"task": "jit_access.grants.tasks.reevaluate_live_grants", "schedule": 30.0},
    "sweep-envelopes": {"task": "jit_access.envelopes.tasks.sweep_envelopes", "schedule": 10.0},
    "settle-locks": {"task": "jit_access.grants.tasks.settle_locks", "schedule": 5.0},
    "rotate-leases": {"task": "jit_access.grants.tasks.rotate_due_leases", "schedule": 15.0},
    "make-due-api-tokens": {"task": "jit_access.accounts.tasks.make_due_generations", "schedule": 30.0},
    "expire-requests": {"task": "jit_access.access_requests.tasks.expire_due_requests", "schedule": 5.0},
    "remind-approvers": {"task": "jit_access.access_requests.tasks.remind_due", "schedule": 30.0},
    "remind-holders": {"task": "jit_access.access_requests.tasks.remind_holders", "schedule": 30.0},
    "expire-policy-proposals": {"task": "jit_access.policy_changes.tasks.expire_due_proposals", "schedule": 60.0},
    "deliver-to-slack": {"task": "jit_access.slack.tasks.deliver", "schedule": 5.0},
    "work-slack-clicks": {"task": "jit_access.slack.tasks.work_clicks", "schedule": 5.0},
    "forget-slack-clicks": {"task": "jit_access.slack.tasks.forget_clicks", "schedule": 3600.0},
    "deliver-webhooks": {"task": "jit_access.webhooks.tasks.deliver", "schedule": 5.0},
    "forget-deliveries": {"task": "jit_access.webhooks.tasks.forget_deliveries", "schedule": 3600.0},
    "forget-answers": {"task": "jit_access.api.tasks.forget_answers", "schedule": 3600.0},
    "remind-reviewers": {"task": "jit_access.access_requests.tasks.remind_reviewers", "schedule": 300.0},
    "close-access-reviews": {"task": "jit_access.access_reviews.tasks.close_due_campaigns", "schedule": 60.0},
    "send-notifications": {"task": "jit_access.notifications.tasks.send_due", "schedule": 5.0},
    "checkpoint-log": {"task": "jit_access.audit.tasks.write_checkpoint", "schedule": 10.0},
    "forget-oauth": {"task": "jit_access.oauth.tasks.forget_what_is_over", "schedule": 3600.0},
    "forget-sessions": {"task": "jit_access.mfa.tasks.forget_old_sessions", "schedule": 3600.0},
    "remind-owners-of-trusts": {"task": "jit_access.workloads.tasks.remind_owners", "schedule": 3600.0},
    "forget-used-workload-tokens": {"task": "jit_access.workloads.tasks.forget_used_tokens", "schedule": 3600.0},
    "check-targets": {"task": "jit_access.targets.tasks.check_all", "schedule": 60.0},
}

"""What the proxies are told: one session view per grant, an outbox so that no change is lost, and the time."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class SessionViewRow(models.Model):
    """The newest view of one grant. `is_open` False rows are kept, so that a late old view can never win."""

    grant_id = models.CharField(max_length=40, unique=True)  # public id
    epoch = models.BigIntegerField()
    is_open = models.BooleanField()
    valid_until = models.DateTimeField()
    body = models.TextField()  # domain.session_view.encode_view
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["is_open", "valid_until"], name="session_view_live")]


class ViewOutbox(models.Model):
    """News not yet published, written in the transaction that made it true."""

    message = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)
    stream_id = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=models.Q(published_at__isnull=True), name="view_outbox_due")
        ]


class Pulse(models.Model):
    """One row, written before each heartbeat: the proof that a revocation could commit, and the highest time told."""

    read_at = models.DateTimeField()  # the database's clock when this was written
    told_at = models.DateTimeField()  # what the proxies were told then; only grows


class GrantUsage(models.Model):
    """What one run of one proxy process let through under a grant with a budget. Both counters only grow."""

    grant_id = models.CharField(max_length=40)  # public id
    run = models.CharField(max_length=32)  # random, made when the proxy process started: its counters begin at zero
    moved = models.BigIntegerField()  # bytes, both ways
    requests = models.BigIntegerField(default=0, db_default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["grant_id", "run"], name="grant_usage_of_run")]


class GrantPin(models.Model):
    """What a name that may move meant to a grant when it was used first (ADR 0017). Never changed."""

    grant_id = models.CharField(max_length=40)  # public id
    repository = models.CharField(max_length=200)
    name = models.CharField(max_length=128)
    means = models.CharField(max_length=128)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["grant_id", "repository", "name"], name="grant_pin_once")
        ]

"""The log's tables. Entries and checkpoints accept inserts only; triggers in the database hold that."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AuditEntry(models.Model):
    """Leaf `seq` of the Merkle tree. `body` is the record's canonical text; the other columns are for searching."""

    seq = models.BigIntegerField(primary_key=True)
    record_id = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField()
    source = models.CharField(max_length=80)
    kind = models.CharField(max_length=60)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_name = models.CharField(max_length=120, blank=True)
    request = models.CharField(max_length=40, blank=True)
    grant = models.CharField(max_length=40, blank=True)
    exchange = models.CharField(max_length=40, blank=True)
    target = models.CharField(max_length=63, blank=True)
    repository = models.CharField(max_length=200, blank=True)
    operation = models.CharField(max_length=20, blank=True)
    reference = models.CharField(max_length=160, blank=True)
    decision = models.CharField(max_length=10, blank=True)
    reason = models.CharField(max_length=60, blank=True)
    bytes_out = models.BigIntegerField(default=0)
    bytes_in = models.BigIntegerField(default=0)
    body = models.TextField()
    leaf_hash = models.CharField(max_length=64)
    # Over place and leaf, with a key that only the signer has: tells which record is wrong, where a root only tells
    # that one is.
    mac = models.CharField(max_length=32)

    class Meta:
        # All of them rise with `seq`, or nearly: a batch is written at their ends and touches few pages.
        indexes: ClassVar = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["actor_id", "seq"], name="audit_actor_seq"),
            models.Index(fields=["grant", "seq"], name="audit_by_grant"),
            models.Index(fields=["target", "repository", "seq"], name="audit_resource_seq"),
            models.Index(fields=["kind", "seq"], name="audit_kind_seq"),
            models.Index(fields=["exchange", "seq"], name="audit_exchange_seq", condition=~models.Q(exchange="")),
            models.Index(fields=["request", "seq"], name="audit_by_request", condition=~models.Q(request="")),
        ]


class AuditHead(models.Model):
    """The tree's head, one row: size, the roots of its perfect subtrees, and a signature over size and root."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    peaks = models.JSONField(default=list)
    root = models.CharField(max_length=64)
    signature = models.CharField(max_length=200)
    at = models.DateTimeField()


class Checkpoint(models.Model):
    """A signed head, kept for ever and also written to a witness outside the database."""

    size = models.BigIntegerField(unique=True)
    root = models.CharField(max_length=64)
    at = models.DateTimeField()
    key_id = models.CharField(max_length=64)
    signature = models.CharField(max_length=200)

"""Every index of the log grows at its end, so that a batch of records touches few pages.

The log grows by `seq` and, nearly, by `at`: a falling index puts each new row in front of all others, a rising one
behind, and is read backwards as fast. Record ids are compared whole, so the index that PostgreSQL keeps for
`LIKE 'rec_%'` beside the unique one is dropped. Indexes are built beside the running log on PostgreSQL.
"""

from django.db import migrations, models

TABLE = "audit_auditentry"
LIKE_INDEX = "audit_auditentry_record_id_7fd511ae_like"
# name: (columns, condition)
RISING = {
    "audit_at": ("at", ""),
    "audit_actor_seq": ("actor_id, seq", ""),
    "audit_kind_seq": ("kind, seq", ""),
    "audit_resource_seq": ("target, repository, seq", ""),
    "audit_exchange_seq": ("exchange, seq", "WHERE NOT (exchange = '')"),
}
FALLING = {
    "audit_newest": ("at DESC", ""),
    "audit_by_actor": ("actor_id, seq DESC", ""),
    "audit_by_kind": ("kind, seq DESC", ""),
    "audit_by_resource": ("target, repository, seq DESC", ""),
    "audit_by_exchange": ("exchange, seq DESC", "WHERE NOT (exchange = '')"),
}


def rise(apps, schema_editor):
    _replace(schema_editor, FALLING, RISING)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {LIKE_INDEX}")


def fall(apps, schema_editor):
    _replace(schema_editor, RISING, FALLING)
    if schema_editor.connection.vendor == "postgresql":
        columns = "record_id varchar_pattern_ops"
        schema_editor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {LIKE_INDEX} ON {TABLE} ({columns})")


def _replace(schema_editor, old, new):
    beside = "CONCURRENTLY" if schema_editor.connection.vendor == "postgresql" else ""
    for name, (columns, condition) in new.items():
        schema_editor.execute(f"DROP INDEX {beside} IF EXISTS {name}")  # an unfinished one of a run that was stopped
        schema_editor.execute(f"CREATE INDEX {beside} {name} ON {TABLE} ({columns}) {condition}")
    for name in old:
        schema_editor.execute(f"DROP INDEX {beside} IF EXISTS {name}")


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds no index beside writers within a transaction

    dependencies = [("audit", "0003_append_only")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(rise, fall, elidable=False)],
            state_operations=[
                *(migrations.RemoveIndex(model_name="auditentry", name=name) for name in FALLING),
                migrations.AddIndex("auditentry", models.Index(fields=["at"], name="audit_at")),
                migrations.AddIndex("auditentry", models.Index(fields=["actor_id", "seq"], name="audit_actor_seq")),
                migrations.AddIndex("auditentry", models.Index(fields=["kind", "seq"], name="audit_kind_seq")),
                migrations.AddIndex(
                    "auditentry", models.Index(fields=["target", "repository", "seq"], name="audit_resource_seq")
                ),
                migrations.AddIndex(
                    "auditentry",
                    models.Index(
                        fields=["exchange", "seq"],
                        name="audit_exchange_seq",
                        condition=models.Q(("exchange", ""), _negated=True),
                    ),
                ),
            ],
        )
    ]

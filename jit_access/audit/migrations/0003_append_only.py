"""Entries and checkpoints accept inserts only, held by the database itself.

A table's owner can drop a trigger, so production also revokes UPDATE, DELETE and TRUNCATE from the application's
role, and the Merkle tree with its witness stays the real evidence. These triggers stop mistakes and injections.
A later migration that makes SQLite rebuild one of the tables must install them again: a rebuild drops triggers.
"""

from django.db import migrations

TABLES = ("audit_auditentry", "audit_checkpoint")

POSTGRESQL_INSTALL = [
    """
    CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit log accepts inserts only' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    *(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()
        """
        for table in TABLES
    ),
    *(
        f"""
        CREATE TRIGGER {table}_keep BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()
        """
        for table in TABLES
    ),
]
POSTGRESQL_REMOVE = [
    *(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}" for table in TABLES),
    *(f"DROP TRIGGER IF EXISTS {table}_keep ON {table}" for table in TABLES),
    "DROP FUNCTION IF EXISTS audit_refuse_change()",
]
# INSERT OR REPLACE deletes the old row without firing its delete trigger (unless recursive_triggers is on), so
# inserting over a row has a trigger of its own. Every unique column counts: REPLACE removes whatever collides.
SQLITE_INSTALL = [
    f"""
    CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}
    BEGIN SELECT RAISE(ABORT, 'the audit log accepts inserts only'); END
    """
    for table in TABLES
    for change in ("UPDATE", "DELETE")
] + [
    f"""
    CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
    WHEN EXISTS (SELECT 1 FROM {table} WHERE {collision})
    BEGIN SELECT RAISE(ABORT, 'the audit log accepts inserts only'); END
    """
    for table, collision in zip(TABLES, ("seq = NEW.seq OR record_id = NEW.record_id", "id = NEW.id OR size = NEW.size"))
]
SQLITE_REMOVE = [
    f"DROP TRIGGER IF EXISTS {table}_no_{change}" for table in TABLES for change in ("update", "delete", "replace")
]
INSTALL = {"postgresql": POSTGRESQL_INSTALL, "sqlite": SQLITE_INSTALL}
REMOVE = {"postgresql": POSTGRESQL_REMOVE, "sqlite": SQLITE_REMOVE}


def install(apps, schema_editor):
    for statement in INSTALL[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    for statement in REMOVE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_record_mac")]

    operations = [migrations.RunPython(install, remove, elidable=False)]

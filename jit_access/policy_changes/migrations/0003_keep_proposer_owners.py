from django.db import migrations


def keep_owners(apps, _schema_editor):
    """Proposals of service accounts that were made before: whoever answers for them now."""
    proposals = apps.get_model("policy_changes", "PolicyProposal")
    for row in proposals.objects.filter(proposer__owner__isnull=False).select_related("proposer"):
        proposals.objects.filter(pk=row.pk).update(proposer_owner=row.proposer.owner_id)


class Migration(migrations.Migration):
    dependencies = [("policy_changes", "0002_proposer_owner")]

    operations = [migrations.RunPython(keep_owners, migrations.RunPython.noop)]

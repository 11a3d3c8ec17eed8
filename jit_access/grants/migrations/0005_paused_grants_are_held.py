"""Every grant that is paused by now was paused by hand."""

from django.db import migrations


def hold(apps, _editor):
    apps.get_model("grants", "Grant").objects.filter(state="suspended").update(is_held=True)


class Migration(migrations.Migration):
    dependencies = [("grants", "0004_what_locks_name")]

    operations = [migrations.RunPython(hold, migrations.RunPython.noop)]

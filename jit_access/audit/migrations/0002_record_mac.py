"""Each record gets a code that names it when it is wrong, and the indexes that Activity reads by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="auditentry",
            name="mac",
            field=models.CharField(default="", max_length=32),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                condition=models.Q(("exchange", ""), _negated=True),
                fields=["exchange", "-seq"],
                name="audit_by_exchange",
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                condition=models.Q(("request", ""), _negated=True), fields=["request", "seq"], name="audit_by_request"
            ),
        ),
    ]

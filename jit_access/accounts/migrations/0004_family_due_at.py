from django.db import migrations


class Migration(migrations.Migration):
    """When the next generation is due says more than when the last one was made. No release wrote the table yet."""

    dependencies = [("accounts", "0003_agents_and_token_families")]

    operations = [migrations.RenameField(model_name="apitokenfamily", old_name="made_at", new_name="due_at")]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("commerce", "0009_ledger"),
    ]

    operations = [
        migrations.AddField(
            model_name="sandboxevent",
            name="next_at",
            field=models.DateTimeField(null=True),
        ),
    ]

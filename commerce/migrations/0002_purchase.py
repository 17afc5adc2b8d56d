from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("commerce", "0001_initial"), ("licensing", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Purchase",
            fields=[],
            options={
                "verbose_name": "purchase",
                "verbose_name_plural": "purchases",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("licensing.subscription",),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0029_saved_filters"),
        ("licensing", "0018_found_by_filters"),
        ("tenants", "0012_searched_names"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="billingperiod",
            index=models.Index(fields=["tenant", "unit_price", "subscription"], name="period_by_price"),
        ),
    ]

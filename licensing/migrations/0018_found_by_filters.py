from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0017_seat_tallies"),
        ("tenants", "0012_searched_names"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["created_at", "id"], name="subscription_newest"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["tenant", "state", "created_at", "id"], name="subscription_by_state"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["tenant", "plan", "created_at", "id"], name="subscription_by_plan"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["tenant", "channel", "created_at", "id"], name="subscription_by_channel"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(
                    ("seats_assigned__lt", models.F("quantity")), ("state__in", ("trial", "active", "expired"))
                ),
                fields=["tenant", "created_at", "id"],
                name="subscription_with_unused_seats",
            ),
        ),
    ]

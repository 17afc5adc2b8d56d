import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids


class Migration(migrations.Migration):
    dependencies = [("tenants", "0009_runs")]

    operations = [
        migrations.CreateModel(
            name="SignInRules",
            fields=[],
            options={
                "verbose_name": "sign-in",
                "verbose_name_plural": "sign-in",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("tenants.tenant",),
        ),
        migrations.AddField(
            model_name="tenant",
            name="requires_second_factor",
            field=models.BooleanField(db_default=False, default=False, verbose_name="second factor for every role"),
        ),
        migrations.AddField(
            model_name="user",
            name="second_factor_since",
            field=models.DateTimeField(editable=False, null=True, verbose_name="second factor since"),
        ),
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="second_factor",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("key", models.TextField()),
                ("last_step", models.BigIntegerField()),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "digest"), name="recovery_code_once_per_person")
                ],
            },
        ),
    ]

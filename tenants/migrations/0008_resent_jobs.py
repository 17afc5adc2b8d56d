from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0007_clock_moves")]
    operations = [
        migrations.AddField(model_name="job", name="sent_at", field=models.DateTimeField(editable=False, null=True)),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("policies", "0010_endings")]

    operations = [
        migrations.AddField(model_name="approval", name="grounds", field=models.JSONField(default=list)),
    ]

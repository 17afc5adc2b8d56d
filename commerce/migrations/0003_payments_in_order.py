from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("commerce", "0002_purchase")]

    operations = [
        migrations.AlterModelOptions(name="payment", options={"ordering": ["started_at", "id"]}),
        migrations.AlterModelOptions(name="refund", options={"ordering": ["created_at", "id"]}),
    ]

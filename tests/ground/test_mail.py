"""Where the demo's mail goes: into the folder that the README names, wherever the data are."""

from pathlib import Path

from django.conf import settings


def test_the_demos_mail_lies_with_its_data():
    assert Path(settings.EMAIL_FILE_PATH) == settings.DATA_DIR / "mail"

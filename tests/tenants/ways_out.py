"""What tests of the way out have in common."""

import pytest

from tenants import outbound
from tenants.outbound import NoAnswer


def why(url, **options):
    with pytest.raises(NoAnswer) as silence:
        outbound.post(url, body=b"{}", headers={}, **options)
    return silence.value.why.value

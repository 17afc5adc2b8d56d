"""Which addresses may be named for a call."""

import pytest

from tenants.outbound import require_address
from tenants.refusal import BadInput


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://hooks.example/", "invalid"),
        ("hooks.example", "invalid"),
        ("", "invalid"),
        ("https://", "invalid"),
        ("https://ana:secret@hooks.example/", "invalid"),
        ("https://hooks.example/#here", "invalid"),
        ("https://hooks.example:99999/", "invalid"),
        ("https://hooks.example:0/", "invalid"),
        ("https://hooks.example/ü", "invalid"),
        ("https://hooks.example/\x7f", "invalid"),
        ("https://hooks.example/" + "a" * 500, "invalid"),
        ("http://hooks.example/", "https_only"),
        ("https://10.0.0.1/", "address_not_allowed"),
        ("https://169.254.169.254/latest/", "address_not_allowed"),
        ("https://[::1]/", "address_not_allowed"),
        ("https://[::ffff:127.0.0.1]/", "address_not_allowed"),
        ("https://localhost/", "address_not_allowed"),
    ],
)
def test_what_can_never_be_called_is_refused_when_it_is_typed(url, code):
    with pytest.raises(BadInput) as bad:
        require_address(url, field="url", loopback=False)
    assert (bad.value.field, bad.value.field_code) == ("url", code)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("https://hooks.example/", False),
        ("https://hooks.example:8443/a?b=c", False),
        ("https://1.1.1.1/", False),
        ("http://127.0.0.1:8000/", True),
        ("http://localhost:8000/", True),
    ],
)
def test_what_may_be_called_may_be_typed(url, loopback):
    require_address(url, field="url", loopback=loopback)


def test_without_a_demo_this_machine_is_nobodys_address():
    with pytest.raises(BadInput):
        require_address("http://127.0.0.1:8000/", field="url", loopback=False)
    with pytest.raises(BadInput):
        require_address("http://hooks.example/", field="url", loopback=True)

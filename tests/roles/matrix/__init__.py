"""
Whom each page, action and call lets in: the table of roles, line by line.

A route stands with its methods under those whom they let in; a method that stands nowhere lets nobody in. Lists open
to whoever may read anything of them: what stands on them is asked in tests/roles/test_seen.py.
"""

from tests.roles.matrix import admin, api, commerce, pages

# No role opens or closes these.
UNGUARDED = {
    "",
    "favicon.ico",
    "healthz",
    "readyz",
    "api/v1/schema/",
    "api/v1/docs/",
    "admin/jsi18n/",
    "sign-in/",
    "sign-in/code/",
    "sign-out/",
    "acting-for/",
    "buy/<slug:plan_id>/",  # asks a stranger for an address, and opens a quote of one's own
    "hooks/payments/<slug:gateway>/",  # takes what the provider has signed
    # Whoever has a good link is its leaver.
    "leaver/<str:token>/",
    "leaver/<str:token>/renewal/",
    "leaver/<str:token>/cancel/",
    "leaver/<str:token>/invoices/<uuid:invoice_id>/pdf/",
}


def _read() -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], frozenset[str]] = {}
    for who, lines in (*admin.TABLE, *commerce.TABLE, *api.TABLE, *pages.TABLE):
        for line in filter(None, map(str.strip, lines.splitlines())):
            methods, _space, route = line.partition(" ")
            for method in methods.split(","):
                assert (method, route) not in found, f"{line} stands there twice"
                found[method, route] = who
    return found


LETS_IN = _read()

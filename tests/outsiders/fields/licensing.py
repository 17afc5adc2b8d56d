"""Fields about what there is and who sits on it."""

from tests.outsiders.fields.body import Body, owner

KNOWN_FIELDS: dict[str, set[str]] = {
    "DaysForm": {"expired_days", "disabled_days", "reason"},
    "NewDaysForm": {"cause", "channel", "product", "expired_days", "disabled_days", "reason"},
    "MembersBody": {"members"},
    "CapacityUseBody": {"product", "in_use"},
}  # fmt: skip

BODIES = [
    Body("POST", "/api/v1/subscriptions/{own}/seats/", "members", lambda w: [owner(w)]),
    Body("POST", "/api/v1/subscriptions/{own}/seats/release/", "members", lambda w: [owner(w)]),
]

"""
The rules of eligibility, read slowly: one sentence after the other, over plain lists, with nothing of `policies`.

It is what the property test holds the real decision against, so it shares no line with it: rows are dicts, and every
question walks all of them.
"""

STRICTER = ["enabled", "approval_required", "only_trials_without_payment_method", "disabled"]


def decision(world, person, product, *, at, quantity=1, trial=False):
    """The outcome, and the codes of all that forbids it, as a set."""
    today = at.astimezone(world["tenant"]["zone"]).date()
    codes = _of_the_person(world, person)
    codes |= _exclusions(world, product, today)
    codes |= _market(world, product, today)
    if not product["self_service"]:
        codes.add("product_not_self_service")
    if world["stopped"]:
        codes.add("self_service_stopped")
    codes |= _of_the_policy(world, person, product, at, trial)
    if trial and not product["trial"]:
        codes.add("trial_not_offered")
    if trial and product["trial"] and _had_theirs(world, person, product):
        codes.add("trial_already_used")
    smallest, largest = product["quantities"]
    if not smallest <= quantity <= largest:
        codes.add("quantity_out_of_range")
    return _outcome(codes, product["trial"] and not _had_theirs(world, person, product)), codes


def _of_the_person(world, person):
    codes = set()
    if person["kind"] == "guest":
        codes.add("guest_user")
    if person["state"] != "active":
        codes.add("user_not_active")
    if not world["tenant"]["managed"]:
        codes.add("tenant_not_managed")
    return codes


def _of_the_policy(world, person, product, at, trial):
    value = _value(world, person, product, at)
    if value == "disabled":
        return {"policy_disabled"}
    if trial or value == "enabled":
        return set()
    if value == "only_trials_without_payment_method":
        return {"policy_trials_only"}
    return {"approval_required"} if _somebody_else_approves(world, person) else {"approval_required", "no_approver"}


def _had_theirs(world, person, product):
    return any(use == (person["id"], product["id"]) for use in world["trials"])


def _outcome(codes, trial_is_left):
    if not codes:
        return "allowed"
    if codes == {"approval_required"}:
        return "needs_approval"
    if codes == {"policy_trials_only"} and trial_is_left:
        return "trial_only"
    return "refused"


def _exclusions(world, product, today):
    codes = set()
    for row in world["exclusions"]:
        if row["valid_from"] is not None and today < row["valid_from"]:
            continue
        if row["valid_to"] is not None and today >= row["valid_to"]:
            continue
        if row["sector"] and row["sector"] != world["tenant"]["sector"]:
            continue
        if row["country"] and row["country"] != world["tenant"]["country"]:
            continue
        if row["family"] and row["family"] != product["family"]:
            continue
        if row["product"] and row["product"] != product["id"]:
            continue
        alone = row["sector"] and not (row["country"] or row["family"] or row["product"])
        codes.add("sector_excluded" if alone else "operator_exclusion")
    return codes


def _market(world, product, today):
    of_country = [row for row in world["markets"] if row["country"] == world["tenant"]["country"]]
    own = [row for row in of_country if row["family"] == product["family"]]
    rows = own or [row for row in of_country if row["family"] is None]
    if not rows:
        return {"market_closed"}
    [row] = rows
    if row["closes_on"] is not None and today >= row["closes_on"]:
        return {"market_closed"}
    if row["opens_on"] is not None and today < row["opens_on"]:
        return {"market_not_open_yet"}
    return set()


def _value(world, person, product, at):
    """Person's exception, group (the stricter of several), product, family, tenant default, system default."""
    rows = [row for row in world["policies"] if _holds(row, at) and _about(row, product)]
    own = [row for row in rows if row["member"] == person["id"]]
    if own:
        return _narrowest(own)
    groups = _groups(world, person)
    values = []
    for group in groups:
        of_group = [row for row in rows if row["department"] == group]
        if of_group:
            values.append(_narrowest(of_group))
    if values:
        return max(values, key=STRICTER.index)
    wide = [row for row in rows if row["member"] is None and row["department"] is None]
    return _narrowest(wide) if wide else "enabled"


def _narrowest(rows):
    for named in ("product", "family", None):
        of_breadth = [row for row in rows if (row[named] if named else not (row["product"] or row["family"]))]
        for timed in (True, False):
            for row in of_breadth:
                if timed == (row["valid_from"] is not None or row["valid_to"] is not None):
                    return row["value"]
    raise AssertionError("no row")


def _holds(row, at):
    begun = row["valid_from"] is None or row["valid_from"] <= at
    return begun and (row["valid_to"] is None or at < row["valid_to"])


def _about(row, product):
    if row["product"]:
        return row["product"] == product["id"]
    return row["family"] in (None, product["family"])


def _groups(world, person):
    """The person's department, the one above it, and so on."""
    parents = {row["id"]: row["parent"] for row in world["departments"]}
    groups, current = [], person["department"]
    while current is not None:
        groups.append(current)
        current = parents[current]
    return groups


def _somebody_else_approves(world, person):
    groups = _groups(world, person)
    for other in world["people"]:
        if other["id"] == person["id"] or other["state"] != "active":
            continue
        if {"global_admin", "billing_admin"} & set(other["roles"]):
            return True
        if any(row["member"] == other["id"] and row["department"] in groups for row in world["approvers"]):
            return True
    return False

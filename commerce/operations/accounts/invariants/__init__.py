"""
What must always hold of money, and all checks of the system in one list. Each returns the offending rows as sentences.

They read with plain queries and repair nothing: a finding is a defect, or somebody's hand in the database.
"""

from collections.abc import Callable, Iterator

from commerce.operations.accounts.invariants.cards import open_subscriptions_are_paid_by_kept_cards_of_their_payer
from commerce.operations.accounts.invariants.invoices import (
    every_granted_order_has_its_invoice,
    every_refund_has_its_credit_note,
    invoices_are_numbered_without_gaps,
    lines_add_up_to_invoices,
)
from commerce.operations.accounts.invariants.ledger import (
    every_fact_is_posted_once,
    ledger_agrees_with_invoices,
    ledger_agrees_with_orders,
    ledger_agrees_with_payments,
    movements_sum_to_zero,
    spend_agrees_with_ledger,
)
from commerce.operations.accounts.invariants.orders import (
    every_subscription_has_its_order,
    lines_add_up_to_orders,
    paid_orders_have_one_payment,
    periods_follow_one_another,
)
from commerce.operations.accounts.invariants.payments import (
    disputes_add_up,
    nothing_waits_for_the_operator,
    provider_agrees,
    refunds_add_up,
)
from commerce.operations.accounts.invariants.renewals import (
    charged_renewals_wait_for_an_answer,
    paid_renewals_have_their_term,
    terms_paid_ahead_follow,
)
from commerce.operations.accounts.invariants.seats import seats_of_the_term_were_ordered
from commerce.operations.accounts.invariants.spending import (
    nothing_counts_that_nobody_will_pay,
    renewals_count_towards_limits,
    what_was_bought_counts_towards_limits,
)
from commerce.operations.accounts.invariants.take_overs import (
    nothing_is_taken_over_without_saying_so,
    open_take_overs_can_be_undone,
    what_the_organisation_takes_on_went_back,
)
from commerce.operations.accounts.invariants.taxes import (
    lines_are_taxed_as_their_order,
    no_more_tax_goes_back_than_was_charged,
    taxes_add_up_to_orders,
)
from licensing.operations import invariants as licensing_invariants
from tenants.directory import invariants as directory_invariants

CHECKS: tuple[Callable[[], Iterator[str]], ...] = (
    *licensing_invariants.CHECKS,
    paid_orders_have_one_payment,
    lines_add_up_to_orders,
    every_subscription_has_its_order,
    periods_follow_one_another,
    seats_of_the_term_were_ordered,
    paid_renewals_have_their_term,
    terms_paid_ahead_follow,
    charged_renewals_wait_for_an_answer,
    open_take_overs_can_be_undone,
    nothing_is_taken_over_without_saying_so,
    what_the_organisation_takes_on_went_back,
    refunds_add_up,
    disputes_add_up,
    open_subscriptions_are_paid_by_kept_cards_of_their_payer,
    invoices_are_numbered_without_gaps,
    every_granted_order_has_its_invoice,
    every_refund_has_its_credit_note,
    lines_add_up_to_invoices,
    taxes_add_up_to_orders,
    lines_are_taxed_as_their_order,
    no_more_tax_goes_back_than_was_charged,
    movements_sum_to_zero,
    every_fact_is_posted_once,
    ledger_agrees_with_orders,
    ledger_agrees_with_payments,
    ledger_agrees_with_invoices,
    spend_agrees_with_ledger,
    what_was_bought_counts_towards_limits,
    renewals_count_towards_limits,
    nothing_counts_that_nobody_will_pay,
    provider_agrees,
    nothing_waits_for_the_operator,
    *directory_invariants.CHECKS,
)

__all__ = ["CHECKS", "nothing_waits_for_the_operator"]

"""What may stand in an organisation's journal, by its type: what somebody may choose to hear of."""

PEOPLE = """
    billing_details.changed clock.moved contact.changed delegation.accepted delegation.granted delegation.renewed
    delegation.revoked department.added domain.verified member.added member.changed member.left member.returned
    recovery_code.used recovery_codes.renewed role.granted role.revoked run.continued run.finished run.started
    run.stopped second_factor.enrolled second_factor.removed second_factor.reset sign_in.changed tax_number.changed
    tenant.added token.issued webhook_delivery.repeated webhook_endpoint.added webhook_endpoint.changed
    webhook_endpoint.disabled webhook_endpoint.removed webhook_secret.rotated
"""
LICENCES = """
    capacity.reported seat.assigned seat.claimed seat.released solution.approved solution.changed solution.declined
    solution.offered solution.withdrawn subscription.deleted subscription.disabled subscription.expired
    subscription.held subscription.prolonged subscription.quantity_changed subscription.reactivated
    subscription.released subscription.renewal_allowed subscription.renewal_changed subscription.renewal_stopped
    subscription.renewed subscription.restored subscription.started trial.extended trial.started usage.imported
"""
RULES = """
    approval.approved approval.declined approval.lapsed approval.requested approval.withdrawn approver.named
    approver.removed auto_claim.removed auto_claim.set exclusion.added exclusion.changed exclusion.removed
    governance.acknowledged governance.changed governance.removed governance.set license_request.asked
    license_request.decided license_request.expired license_request.withdrawn lifecycle_days.added
    lifecycle_days.changed lifecycle_days.removed policy.applied policy.changed policy.ending_withdrawn
    self_service.resumed self_service.stopped settings.changed spend_limit.changed spend_limit.removed spend_limit.set
"""
MONEY = """
    agreement.added agreement.changed cancellation_request.answered cancellation_request.closed
    cancellation_request.made card_setup.canceled card_setup.failed card_setup.requires_action card_setup.started
    card_setup.succeeded card_setup.waiting centralisation.assigned centralisation.chosen centralisation.cost_accepted
    centralisation.dropped centralisation.finished centralisation.started checkout.awaiting_approval checkout.canceled
    checkout.completed checkout.expired checkout.opened checkout.processing checkout.requires_action credit_note.issued
    difference.repaired dispute.lost dispute.opened dispute.won dunning.changed export_schedule.added
    export_schedule.removed filter.kept filter.removed hard_decline.added hard_decline.removed invoice.issued
    leaver.decided leaver.defaulted leaver.noticed notices.chosen order.canceled order.invoiced order.paid order.placed
    payment.canceled payment.failed payment.requires_action payment.set_aside payment.started payment.succeeded
    payment.surplus payment.waiting payment_method.added payment_method.expiring payment_method.preferred
    payment_method.removed payment_method.replaced price.announced purchases.exported quantity_change.applied
    quantity_change.dropped quantity_change.scheduled quantity_change.withdrawn refund.failed refund.started
    refund.succeeded renewal.announced renewal.failed renewal.lapsed renewal.refused renewal.reminded renewal.resumed
    renewal.taken_up subscription.adopted subscription.agreement_chosen subscription.canceled subscription.card_changed
    subscription.gave_back subscription.take_over_settled subscription.take_over_undone subscription.taken_over
    subscription.took_over support_case.answered support_case.closed support_case.opened support_case.replied
    transfer.accepted transfer.declined transfer.lapsed transfer.offered transfer.withdrawn trial.converting
    trial.ending
"""

# Of nobody's journal: the operator's own doings.
SERVICE = """
    catalogue.loaded difference.found difference.gone incoming_event.redone job.forgotten job.retried markets.loaded
    operator.added seller.saved tax_rates.loaded
"""

TYPES = frozenset(" ".join((PEOPLE, LICENCES, RULES, MONEY)).split())

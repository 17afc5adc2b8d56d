"""Defects to put in on purpose: each is one line that somebody might well write wrongly, and what gives it away."""

from datetime import timedelta

from commerce.operations.changes import adding, lines
from commerce.operations.paying import bringing
from commerce.proration import Part
from licensing.calendar import term_end
from licensing.operations import lifecycle, seats
from tests.lifecycle.grace import LivesInGrace


def seats_cost_what_is_over(patch):
    """The part of the term that has passed, in place of the one to come."""
    charge_for = adding.charge_for

    def charge(unit_price, quantity, part, currency):
        return charge_for(unit_price, quantity, Part(seconds=part.of - part.seconds, of=part.of), currency)

    patch.setattr(adding, "charge_for", charge)


def a_leaver_keeps_their_seat(patch):
    patch.setattr(seats, "release_of", lambda **_options: [])


def refunds_know_no_window(patch):
    patch.setattr(lines, "REFUND_WINDOW", timedelta(days=365))


def a_paid_renewal_is_not_noted(patch):
    patch.setattr(bringing.renewals, "paid", lambda order, **_options: None)


def the_deleted_keep_their_seats(patch):
    patch.setattr(seats, "vacate", lambda **_options: [])


def grace_is_free(patch):
    """Whoever goes on in grace pays from that moment on, in place of the end of the last term."""
    patch.setattr(
        lifecycle, "next_term", lambda subscription, at: (at, term_end(at, subscription.zone, subscription.plan.term))
    )


# What each gives itself away by.
SEEDED = {
    seats_cost_what_is_over: "more seats: ",
    a_leaver_keeps_their_seat: "somebody who is away holds a seat",
    refunds_know_no_window: "after the charge",
    a_paid_renewal_is_not_noted: "a renewal that no row says is paid|a period follows its term",
    the_deleted_keep_their_seats: "cannot be carried on",
    grace_is_free: "periods leave a gap",
}
# These show only where people do on purpose what they seldom do by chance.
SELDOM = {grace_is_free: LivesInGrace}
# The others take their time, and are left to the long form.
QUICKLY_FOUND = {seats_cost_what_is_over, a_leaver_keeps_their_seat, a_paid_renewal_is_not_noted}

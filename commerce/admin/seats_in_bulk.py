"""Seats of the organisation's own for many people at once: named in a file, by department, or by what they used."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.admin import seat_giving
from commerce.admin.seat_giving import Giving
from commerce.models import Purchase
from licensing.files import LARGEST, FileRefused
from licensing.operations import central_seats, ended_people, named_people
from tenants.access import Actor, Right
from tenants.bulk_page import BulkPage
from tenants.dates import listed_day
from tenants.directory.models import Department, Membership, MembershipQuerySet, Tenant
from tenants.journal.naming import uuids
from tenants.procurement import READS
from tenants.refusal import Refused

ASKS = (*READS, "POST")
# A form of more boxes is no form, and a server takes no more than a thousand fields.
MOST_BOXES = 500
# Of many bad lines so many are told; the rest are counted.
TOLD = 20


class ManyPeopleForm(forms.Form):
    """A file of addresses, or a department."""

    file = forms.FileField(
        label=gettext_lazy("File of work e-mails"),
        help_text=gettext_lazy(
            "CSV, one person a line, at most 10,000; the column is called “email”, or is the first."
        ),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    department = forms.ModelChoiceField(
        Department.objects.none(),
        label=gettext_lazy("Or a department"),
        help_text=gettext_lazy("Everybody who is active there, and in the departments below it."),
        empty_label=gettext_lazy("No department"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose a department.")},
    )

    def __init__(self, tenant: Tenant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant = tenant
        field: Any = self.fields["department"]
        field.queryset = Department.objects.filter(tenant=tenant).order_by("name")

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if not self.errors and bool(said.get("file")) == bool(said.get("department")):
            raise forms.ValidationError(_("Choose a file or a department, one of both."))
        return said

    def people(self) -> list[Membership]:
        """:raises Refused: somebody who gets no seat; a file tells it line by line"""
        if self.cleaned_data["department"]:
            return named_people.of_department(self.cleaned_data["department"])
        sent = self.cleaned_data["file"]
        return named_people.of_file(sent.read(LARGEST + 1), file=sent.name, tenant=self.tenant)

    def tell(self, refused: Refused) -> None:
        """The first bad lines each by itself, beside what was sent, and how many more there are."""
        if isinstance(refused, FileRefused):
            line = _("Line %(line)s: %(wrong)s")
            for problem in refused.problems[:TOLD]:
                told = {"line": problem.line, "wrong": problem.message}
                self.add_error("file", line % told if problem.line else str(problem.message))
            if more := len(refused.problems[TOLD:]):
                rest = ngettext("%(count)s more line is wrong.", "%(count)s more lines are wrong.", more)
                self.add_error("file", rest % {"count": more})
        else:
            self.add_error(refused.field if refused.field in self.fields else None, str(refused))


class FormerPeopleForm(forms.Form):
    """Those of a subscription's people who get another seat; all of them where they are too many to tick."""

    def __init__(self, people: list[Membership], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = {str(member.pk): member for member in people}
        self.takes_all = len(people) > MOST_BOXES
        if not self.takes_all:
            self.fields["people"] = forms.MultipleChoiceField(
                label=_("People"),
                choices=[(key, f"{member} ({member.user.email})") for key, member in self.known.items()],
                initial=list(self.known),
                widget=forms.CheckboxSelectMultiple,
                error_messages={
                    "required": _("Tick at least one person."),
                    "invalid_choice": _("Tick people of the list."),
                },
            )

    @property
    def chosen(self) -> list[Membership]:
        return [self.known[key] for key in self.cleaned_data.get("people", self.known)]


class SeatsInBulk(BulkPage):
    """
    Two pages behind a purchase: seats for many, and seats for whom a purchase left without. Both show what would come
    of each person before anything is done.
    """

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        many, former = guarded(self.many_view), guarded(self.former_people_view)
        return [
            path("<uuid:subscription_id>/give-seats/", many, name="commerce_purchase_give_seats"),
            path("<uuid:subscription_id>/former-people/", former, name="commerce_purchase_former_people"),
            *super().get_urls(),
        ]

    def many_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        purchase, actor = self.given_from(request, subscription_id)
        if purchase.owner_id is not None:
            raise PermissionDenied(_("Who manages this purchase gives its seats."))
        if shown := shown_before(request, Membership.objects.of(purchase.tenant).members()):
            return self.giving_page(request, seat_giving.of_purchase(purchase, shown, actor))
        sent = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        form = ManyPeopleForm(purchase.tenant, *sent)
        if request.method == "POST" and form.is_valid():
            try:
                giving = seat_giving.of_purchase(purchase, form.people(), actor)
                giving.require_open()
            except Refused as refused:
                form.tell(refused)
            else:
                return self.giving_page(request, giving)
        told = {"form": form, "free": purchase.seats_free, "title": _("Give seats to many")}
        return self.seats_page(request, purchase, "admin/give_seats.html", told, 400 if form.errors else 200)

    def former_people_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        """The people of what has ended get seats of the organisation's own."""
        purchase, actor = self.given_from(request, subscription_id)
        if shown := shown_before(request, ended_people.users_of(purchase)):
            return self.giving_page(request, seat_giving.of_the_organisation(purchase, shown, actor))
        people, product = ended_people.people_of(purchase), purchase.plan.product
        wanting = central_seats.without_own(tenant=purchase.tenant, product=product, members=people)
        every = seat_giving.of_the_organisation(purchase, wanting, actor)
        form = FormerPeopleForm(wanting, request.POST if request.method == "POST" and every.closed is None else None)
        if form.is_valid():
            return self.giving_page(request, seat_giving.of_the_organisation(purchase, form.chosen, actor))
        told = {
            "form": form,
            "people": len(people),
            "room": every.room,
            "closed": every.closed,
            "title": _("Give its people central seats"),
        }
        status = 400 if form.errors or (request.method == "POST" and every.closed) else 200
        return self.seats_page(request, purchase, "admin/former_people.html", told, status)

    def giving_page(self, request: HttpRequest, giving: Giving) -> HttpResponse:
        """What would come of each, or the run where that was confirmed."""
        purchase, action = giving.purchase, giving.action
        context = {
            "parent_title": str(purchase.plan),
            "parent_url": reverse("admin:commerce_purchase_change", args=[purchase.pk]),
            "room": giving.room,
            "choose_again": request.path,
        }
        if "confirm" in request.POST:
            return self.confirmed(request, action, giving.people, **context)
        return self.shown_first(request, action, giving.people, **context)

    def given_from(self, request: HttpRequest, subscription_id: UUID) -> tuple[Purchase, Actor]:
        """:raises PermissionDenied: somebody who gives no seats :raises Http404: none that they see"""
        if request.method not in ASKS or not self.has_view_permission(request):
            raise PermissionDenied
        actor = self.actor(request)
        if not actor.may(Right.ASSIGN_CENTRAL_SEATS):
            raise PermissionDenied(_("Global, license and user admins give seats."))
        return self.found(request, str(subscription_id)), actor

    def seats_page(
        self, request: HttpRequest, purchase: Purchase, template: str, shown: dict[str, Any], status: int
    ) -> TemplateResponse:
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "row": purchase,
            "parent_title": str(purchase.plan),
            "parent_url": reverse("admin:commerce_purchase_change", args=[purchase.pk]),
            **shown,
        }
        return TemplateResponse(request, template, context, status=status)


def shown_before(request: HttpRequest, people: MembershipQuerySet) -> list[Membership]:
    """Of these people those whom the page that sends this has shown, in its order."""
    sent = request.POST.get("subjects", "").split(",") if request.method == "POST" else []
    found = people.filter(pk__in=uuids(sent)).select_related("user", "tenant")
    known = {str(member.pk): member for member in found} if sent else {}
    return [known[key] for key in dict.fromkeys(sent) if key in known]


def helps_people_of(purchase: Purchase, by: Actor) -> dict[str, Any] | None:
    """What the page of an ended purchase says of its people; none: it has not ended, or too long ago, or by nobody."""
    if purchase.gives_access or not by.may(Right.ASSIGN_CENTRAL_SEATS):
        return None
    until = ended_people.helped_until(purchase)
    if until is None or by.now() >= until:
        return None
    people = ended_people.people_of(purchase)
    left = central_seats.without_own(tenant=purchase.tenant, product=purchase.plan.product, members=people)
    return {"purchase": purchase, "people": len(people), "left": len(left), "until": listed_day(until)}

"""What admins are told of: the list of their notices, and the page where they choose."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.models import Notice, NoticePace, NoticeTopic
from commerce.operations.notices import readers, reading, telling, wishes
from commerce.operations.notices.readers import Reader, Wish
from commerce.operations.pricing import costs
from tenants import questions
from tenants.access import Actor, Right
from tenants.procurement import READS, ProcurementAdmin
from tenants.procurement_form import blame
from tenants.procurement_pages import LookAheadPaginator
from tenants.refusal import Refused

MAIL, IN_APP = "mail", "in_app"
PER_PAGE = 50


class WishesForm(forms.Form):
    """For each topic that the person may read: the e-mail, and whether it stands in the list."""

    def __init__(self, reader: Reader, currency: str, data: Any = None) -> None:
        super().__init__(data)
        self.topics = [topic for topic in NoticeTopic if reader.may_choose(topic)]
        for topic in self.topics:
            wish = reader.wish(topic)
            self.fields[f"{topic}_{MAIL}"] = forms.ChoiceField(
                label=_("%(topic)s: e-mail") % {"topic": topic.label}, choices=NoticePace.choices, initial=wish.mail
            )
            self.fields[f"{topic}_{IN_APP}"] = forms.BooleanField(
                label=_("%(topic)s: in the list of notices") % {"topic": topic.label},
                initial=wish.in_app,
                required=False,
            )
            if topic == NoticeTopic.OVER_AMOUNT:
                self.fields["amount"] = self._amount(wish, currency)

    def _amount(self, wish: Wish, currency: str) -> forms.Field:
        return forms.DecimalField(
            label=_("“Over an amount” is above how much (%(currency)s)") % {"currency": currency},
            help_text=_("Of one charge or bill, tax included. What costs another currency is always told."),
            initial=f"{wish.amount.normalize():f}" if wish.amount else None,
            required=False,
            error_messages={"invalid": _("Type an amount, such as 500.")},
        )

    @property
    def rows(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        return [(str(topic.label), self[f"{topic}_{MAIL}"], self[f"{topic}_{IN_APP}"]) for topic in self.topics]

    @property
    def amount_field(self) -> forms.BoundField | None:
        return self["amount"] if "amount" in self.fields else None

    def wishes(self) -> dict[NoticeTopic, Wish]:
        said = self.cleaned_data
        return {
            topic: Wish(
                mail=NoticePace(said[f"{topic}_{MAIL}"]),
                in_app=said[f"{topic}_{IN_APP}"],
                amount=said.get("amount") if topic == NoticeTopic.OVER_AMOUNT else None,
            )
            for topic in self.topics
        }


@admin.register(Notice)
class NoticeAdmin(ProcurementAdmin):
    """Everybody's own, of the organisation in which they act. An operator acts in none."""

    right = Right.SEE_CENTRAL_PURCHASES
    list_title = gettext_lazy("Notices")
    save_label = gettext_lazy("Save")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and readers.may_read_any(self.actor(request))

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("", guarded(self.changelist_view), name="commerce_notice_changelist"),
            path("settings/", guarded(self.settings_view), name="commerce_notice_settings"),
            path("all-read/", guarded(self.all_read_view), name="commerce_notice_all_read"),
            path("<uuid:notice_id>/read/", guarded(self.read_view), name="commerce_notice_read"),
            path("<uuid:notice_id>/unread/", guarded(self.unread_view), name="commerce_notice_unread"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        actor = self.told(request, *READS)
        unknown = questions.unanswerable(request.GET, known={"page", "unread"})
        wrong = questions.told(unknown, request.GET, {})
        only_unread = request.GET.get("unread") == "1"
        rows = reading.own(actor).select_related("event").newest_first()
        rows = rows.none() if wrong else rows
        paginator = LookAheadPaginator(rows.unread() if only_unread else rows, PER_PAGE)
        page = paginator.page(questions.number_in(request.GET, "page"))
        context: dict[str, Any] = {
            "told": telling.tell(list(page.object_list), by=actor),
            "unread": reading.own(actor).unread().count(),
            "only_unread": only_unread,
            "wrong": wrong,
            "number": page.number,
            "paginator": paginator,
            "parent_url": "",
        }
        return self.shown(request, "admin/notices.html", questions.status_of(wrong), **context)

    def settings_view(self, request: HttpRequest) -> HttpResponse:
        actor = self.told(request, *READS, "POST")
        reader, currency = readers.reader(actor), costs.currency_of(actor.organisation)
        form = WishesForm(reader, currency, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                wishes.choose(wishes=form.wishes(), by=actor, at=actor.now())
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, _("You are told like this from now on."))
                return redirect("admin:commerce_notice_changelist")
        context: dict[str, Any] = {
            "form": form,
            "title": _("What you are told of"),
            "save_label": self.save_label,
        }
        return self.shown(request, "admin/notice_wishes.html", 400 if form.errors else 200, **context)

    def read_view(self, request: HttpRequest, notice_id: UUID) -> HttpResponse:
        return self.marked(request, notice_id, read=True)

    def unread_view(self, request: HttpRequest, notice_id: UUID) -> HttpResponse:
        return self.marked(request, notice_id, read=False)

    def marked(self, request: HttpRequest, notice_id: UUID, *, read: bool) -> HttpResponse:
        actor = self.told(request, "POST")
        if not reading.own(actor).filter(pk=notice_id).exists():
            raise Http404
        reading.mark(notice=notice_id, read=read, by=actor, at=actor.now())
        return redirect("admin:commerce_notice_changelist")

    def all_read_view(self, request: HttpRequest) -> HttpResponse:
        actor = self.told(request, "POST")
        reading.mark(notice=None, read=True, by=actor, at=actor.now())
        return redirect("admin:commerce_notice_changelist")

    def told(self, request: HttpRequest, *methods: str) -> Actor:
        """:raises PermissionDenied: somebody who is told of nothing here, or nothing was sent"""
        if not self.has_view_permission(request) or request.method not in methods:
            raise PermissionDenied
        return self.actor(request)

    def shown(self, request: HttpRequest, template: str, status: int = 200, **context: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name
        shown = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "model_admin": self,
            "title": self.list_title,
            "parent_title": self.list_title,
            "parent_url": reverse("admin:commerce_notice_changelist"),
            "sections": [],
            **context,
        }
        return TemplateResponse(request, template, shown, status=status)

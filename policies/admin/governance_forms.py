"""What an admin types about data and access policies. Rules are the operation's; forms only read what was typed."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from licensing.models import Family, Product
from policies.models import GovernanceKind, GovernancePolicy
from policies.operations import governance
from policies.operations.governance import Terms
from tenants.directory.models import Department, Tenant
from tenants.procurement_form import ReasonForm

CHOOSE = {"required": _("Choose one."), "invalid_choice": _("Choose one of these.")}
LONGEST_SETTINGS = governance.MOST_SETTINGS * (governance.LONGEST_SETTING_NAME + governance.LONGEST_SETTING + 3)


class RemoveForm(ReasonForm):
    """Why it holds no longer."""


class GovernanceForm(ReasonForm):
    """What a policy says. `seen` marks what was looked at before it is saved."""

    name = forms.CharField(
        label=_("Name"),
        help_text=_("Buyers read it."),
        max_length=governance.LONGEST_NAME,
        error_messages={"required": _("Type a name.")},
    )
    kind = forms.ChoiceField(
        label=_("Kind"), choices=GovernanceKind.choices, widget=forms.RadioSelect, error_messages=CHOOSE
    )
    families = forms.ModelMultipleChoiceField(
        Family.objects.order_by("name"),
        label=_("Families (none here and none below: it holds for all products)"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages=CHOOSE,
    )
    products = forms.ModelMultipleChoiceField(
        Product.objects.order_by("name"),
        label=_("Products"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages=CHOOSE,
    )
    settings = forms.CharField(
        label=_("Settings"),
        help_text=_("One in a line, such as: Region: European Union. Buyers read them."),
        required=False,
        max_length=LONGEST_SETTINGS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    acknowledge = forms.BooleanField(
        label=_("Buyers say that they have read it before they pay (not of an access policy)"), required=False
    )
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    field_order = ["name", "kind", "families", "products", "departments", "settings", "acknowledge", "reason"]

    def __init__(self, tenant: Tenant, policy: GovernancePolicy | None, data: Any = None) -> None:
        super().__init__(data, initial=_initial(policy) if policy else {"kind": GovernanceKind.RESIDENCY})
        self.fields["departments"] = forms.ModelMultipleChoiceField(
            Department.objects.filter(tenant=tenant).order_by("name"),
            label=_("Who keeps access, of an access policy: departments and those below (none: nobody does)"),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            error_messages=CHOOSE,
        )
        self.order_fields(self.field_order)

    def clean_settings(self) -> dict[str, str]:
        settings = {}
        for line in filter(None, map(str.strip, self.cleaned_data["settings"].splitlines())):
            name, colon, text = line.partition(":")
            if not (colon and name.strip() and text.strip()):
                raise forms.ValidationError(_("Type a name, a colon and a text in each line."))
            settings[name.strip()] = text.strip()
        return settings

    @property
    def terms(self) -> Terms:
        said = self.cleaned_data
        return Terms(
            name=said["name"],
            kind=said["kind"],
            families=sorted(family.pk for family in said["families"]),
            products=sorted(product.pk for product in said["products"]),
            departments=list(said["departments"]),
            settings=said["settings"],
            acknowledge=said["acknowledge"],
        )


def _initial(policy: GovernancePolicy) -> dict[str, Any]:
    said = {name: getattr(policy, name) for name in ("name", "kind", "families", "products", "acknowledge")}
    departments = [department.pk for department in policy.departments]
    settings = "\n".join(f"{name}: {text}" for name, text in policy.settings.items())
    return said | {"departments": departments, "settings": settings}

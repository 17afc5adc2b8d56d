"""The organisations, people and purchases of the demo."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tenants.directory.models import MemberSource, MemberState, Role, Sector

OPERATOR = ("operator@seatwise.example", "Olu Operator")


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """A member of a demo tenant, by the local part of the address."""

    local: str
    name: str
    roles: tuple[Role, ...] = ()
    department: str = ""
    state: MemberState = MemberState.ACTIVE
    source: MemberSource = MemberSource.CLOUD


@dataclass(frozen=True, kw_only=True)
class DemoTenant:
    """An organisation of the demo; `<slug>.example` is its domain."""

    slug: str
    name: str
    country: str
    time_zone: str
    people: tuple[DemoPerson, ...]
    sector: Sector = Sector.COMMERCIAL
    managed: bool = True
    departments: tuple[str, ...] = ()
    contact_url: str = ""
    contact_message: str = ""

    @property
    def domain(self) -> str:
        return f"{self.slug}.example"


@dataclass(frozen=True, kw_only=True)
class DemoPurchase:
    """What a person of contoso has bought, and for whom."""

    buyer: str
    plan: str
    quantity: int
    assign_to: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DemoAgreement:
    """Under which contoso buys centrally. Prices are by plan, in USD."""

    name: str
    payment_days: int
    prices: Mapping[str, Decimal]


@dataclass(frozen=True, kw_only=True)
class DemoCentralPurchase:
    """What somebody has bought for contoso, by its agreement, and who gave its seats to whom."""

    buyer: str
    plan: str
    quantity: int
    assigned_by: str
    assign_to: tuple[str, ...]


ANA = DemoPerson(local="ana", name="Ana Albright")
ADMIN = DemoPerson(local="admin", name="Ada Admin", roles=(Role.GLOBAL_ADMIN,))

CONTOSO = DemoTenant(
    slug="contoso",
    name="Contoso",
    country="US",
    time_zone="America/New_York",
    departments=("Engineering", "Finance"),
    contact_url="https://it.contoso.example/software",
    contact_message="Tell us what you need it for and for how many people. We answer within a working day.",
    people=(
        DemoPerson(local="ana", name="Ana Albright", department="Finance"),
        DemoPerson(local="ben", name="Ben Baker", department="Engineering", source=MemberSource.SYNCED),
        DemoPerson(local="cleo", name="Cleo Chen", department="Engineering"),
        DemoPerson(local="dan", name="Dan Diaz", department="Engineering", state=MemberState.DISABLED),
        ADMIN,
        DemoPerson(local="billing", name="Bill Ing", roles=(Role.BILLING_ADMIN,), department="Finance"),
        DemoPerson(local="license", name="Lis Ence", roles=(Role.LICENSE_ADMIN,)),
        DemoPerson(local="people", name="Pia People", roles=(Role.USER_ADMIN,)),
        DemoPerson(local="reader", name="Rea Reader", roles=(Role.GLOBAL_READER,)),
    ),
)

TENANTS = (
    CONTOSO,
    DemoTenant(
        slug="fabrikam",
        name="Fabrikam",
        country="DE",
        time_zone="Europe/Berlin",
        people=(ANA, ADMIN, DemoPerson(local="greta", name="Greta Gruber")),
    ),
    DemoTenant(slug="nordwind", name="Nordwind", country="SE", time_zone="Europe/Stockholm", people=(ANA, ADMIN)),
    DemoTenant(slug="tailspin", name="Tailspin Toys", country="IN", time_zone="Asia/Kolkata", people=(ANA, ADMIN)),
    DemoTenant(
        slug="cityhall",
        name="City Hall",
        country="US",
        sector=Sector.GOVERNMENT,
        time_zone="America/Chicago",
        people=(ANA, ADMIN),
    ),
    DemoTenant(
        slug="openaid",
        name="Open Aid",
        country="US",
        sector=Sector.NONPROFIT,
        time_zone="America/New_York",
        people=(ANA, ADMIN),
    ),
    DemoTenant(
        slug="lakeside",
        name="Lakeside College",
        country="US",
        sector=Sector.EDUCATION,
        time_zone="America/Denver",
        people=(ANA, ADMIN),
    ),
    DemoTenant(
        slug="driftwood",
        name="Driftwood",
        country="US",
        managed=False,
        time_zone="America/Los_Angeles",
        people=(ANA, ADMIN),
    ),
    DemoTenant(
        slug="partnerworks",
        name="Partnerworks",
        country="US",
        time_zone="America/Los_Angeles",
        people=(ANA, ADMIN, DemoPerson(local="pat", name="Pat Partner")),
    ),
)

# Whose people act in contoso, and for how long from the first run on.
PARTNER = "partnerworks"
DELEGATED_FOR = timedelta(days=365)

# tenant, address
GUESTS = (("contoso", "greta@fabrikam.example", "Greta (Fabrikam)"),)

PURCHASES = (
    DemoPurchase(buyer="ana", plan="power-automate-monthly", quantity=3, assign_to=("ana", "billing")),
    DemoPurchase(buyer="ben", plan="power-apps-annual", quantity=1, assign_to=("ben",)),
    DemoPurchase(buyer="admin", plan="power-bi-premium-monthly", quantity=2, assign_to=("admin", "reader")),
)
AGREEMENT = DemoAgreement(
    name="Framework agreement",
    payment_days=30,
    prices={"office-suite-annual": Decimal("105.00"), "power-bi-premium-annual": Decimal("170.00")},
)
CENTRAL_PURCHASES = (
    DemoCentralPurchase(
        buyer="billing",
        plan="office-suite-annual",
        quantity=10,
        assigned_by="license",
        assign_to=("ana", "ben", "admin", "billing"),
    ),
    # With free seats, which members may take themselves.
    DemoCentralPurchase(
        buyer="billing",
        plan="power-bi-premium-annual",
        quantity=5,
        assigned_by="license",
        assign_to=("ben",),
    ),
)
CARD = "pm_card_visa"
SELLER = {"country": "US", "address": "1 Example Street\nSeattle, WA 98101\nUnited States", "tax_id": "US 00-0000000"}

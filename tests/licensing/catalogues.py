"""A small catalogue as a file, and the rows that one becomes."""

from commerce.models import Price
from licensing.models import Family, Plan, Product

ONE = """\
families:
  - slug: power-bi
    name: Power BI
products:
  - id: CFQ7TTC0H9MP
    slug: power-bi-pro
    name: Power BI Pro
    family: power-bi
    self_service: true
    summary: Share reports.
    resources: {learning: https://learn.example/pro/}
    capacity: {file_mb: 10240}
    trial: {days: 60, seats: 1}
    plans:
      - id: power-bi-pro-monthly
        term: P1M
        prices:
          - {channel: self_service, currency: USD, amount: "9.99", valid_from: 2020-01-14}
          - {channel: central, currency: USD, amount: "8.99"}
"""


def rows():
    return [list(model.objects.order_by("pk").values()) for model in (Family, Product, Plan, Price)]


def swap(old, new, count=1):
    assert old in ONE
    return ONE.replace(old, new, count)

"""Money and days as people write them, in the language of the page."""

from django import template

from commerce.amounts import figures, money, tax_label, tax_name, tax_note
from commerce.invoice_pdf import part_of_term
from commerce.tax import as_seen
from tenants import dates

register = template.Library()

register.filter("money", money)
register.filter("figures", figures)
register.filter("as_seen", as_seen)
register.filter("tax_name", tax_name)
register.filter("tax_label", tax_label)
register.filter("tax_note", tax_note)
register.filter("part_of_term", part_of_term)
register.filter("day", dates.day)
register.filter("minute", dates.minute)

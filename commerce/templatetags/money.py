"""Money and days as people write them, in the language of the page."""

from django import template

from commerce.amounts import figures, money
from tenants import dates

register = template.Library()

register.filter("money", money)
register.filter("figures", figures)
register.filter("day", dates.day)
register.filter("minute", dates.minute)

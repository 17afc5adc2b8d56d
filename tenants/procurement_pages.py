"""Pages of lists that may be long: never counted, and never turned to the end."""

from functools import cached_property

from django.core.paginator import Page, Paginator

# To skip the rows of all pages before costs the more, the later the page.
LAST_ROW = 10_000


class LookAheadPaginator(Paginator):
    """
    Pages that know whether another follows by reading one row more; nothing is ever counted. They end where nobody
    turns pages any more: whoever looks for what comes later filters.
    """

    more = False
    # There would be more, were it not for where pages end.
    ended = False
    # No page is called so, or it would begin behind the last row. The first is never missing: it may be empty.
    missing = False

    @cached_property
    def count(self) -> int:
        return 9_999_999_999

    def page(self, number: int | str) -> Page:
        """As `tenants.questions.number_in` reads it out of an address."""
        number = int(number)
        first = (number - 1) * self.per_page
        if first < 0:
            self.missing = True
            return Page([], number, self)
        if first >= LAST_ROW:
            self.missing, self.ended = True, bool(self.object_list[LAST_ROW : LAST_ROW + 1])
            return Page([], number, self)
        rows = list(self.object_list[first : first + self.per_page + 1])
        self.missing = not rows and number > 1
        self.ended = len(rows) > self.per_page and first + self.per_page >= LAST_ROW
        self.more = len(rows) > self.per_page and not self.ended
        return Page(rows[: self.per_page], number, self)

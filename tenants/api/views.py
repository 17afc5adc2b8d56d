"""The views that every call of the API is made from."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import Http404, HttpResponse, QueryDict
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from tenants.access import SCOPES, Actor
from tenants.api import idempotency, pages, problem
from tenants.api.authentication import BearerAuthentication, Grant
from tenants.api.models import IdempotencyKey
from tenants.api.reading import BodyParser, Input, check_query
from tenants.api.scopes import TokenAllows
from tenants.directory.models import Membership, Tenant
from tenants.text import is_clean

M = TypeVar("M", bound=Model)
METHODS = ("get", "post", "put", "patch", "delete")


class CallView(APIView):
    """
    A call of the API: by token, with a scope for each method, errors as problems.

    `actor` is who calls, None where `public` lets anybody in.
    """

    authentication_classes = [BearerAuthentication]
    permission_classes = [TokenAllows]
    parser_classes = [BodyParser]
    metadata_class = None
    http_method_names = [*METHODS, "head", "options"]

    scopes: ClassVar[Mapping[str, str | None]] = {}
    public: ClassVar[tuple[str, ...]] = ()
    # Methods that run under an Idempotency-Key; their handlers call `once`.
    idempotent: ClassVar[tuple[str, ...]] = ()
    # Lists only: the names a client may order by, and the columns behind them.
    orderings: ClassVar[Mapping[str, str] | None] = None
    # Inside `once`: a call that died held the key before, and may have done the work already.
    taken_over = False
    # Inside `once`: the same for every call that takes the key over, and for no other.
    key_id: UUID
    _key: IdempotencyKey
    default_ordering: ClassVar[str] = pages.NEWEST_FIRST

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        handled = {method.upper() for method in METHODS if hasattr(cls, method)}
        if handled != set(cls.scopes) or not set(cls.scopes.values()) <= {None, *SCOPES}:
            raise TypeError(f"{cls.__name__}.scopes must name a known scope, or None, for each of {sorted(handled)}")

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return problem.handle

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Read before a parser takes the stream: its size is checked here.
        _body = request._request.body
        super().initial(request, *args, **kwargs)
        if not all(is_clean(str(value)) for value in kwargs.values()):
            raise Http404
        check_query(request.query_params)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What one person may read must not lie in a cache for the next."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    @property
    def grant(self) -> Grant | None:
        return self.request.auth  # type: ignore[return-value]  # our own authentication puts it there

    @property
    def caller(self) -> Actor | None:
        """Who calls, or None where `public` lets anybody in."""
        return self.grant.actor if self.grant else None

    @property
    def actor(self) -> Actor:
        """Who calls. Only for methods that are not public."""
        grant: Grant = self.request.auth  # type: ignore[assignment]  # our own authentication puts it there
        return grant.actor

    def find(self, rows: "QuerySet[M, M]", /, **lookup: object) -> M:
        """The one row, already narrowed to what the caller may see; 404 for all others alike."""
        found = rows.filter(**lookup).first()
        if found is None:
            raise Http404
        return found

    def body(self, shape: type[Input], **kwargs: Any) -> dict[str, Any]:
        """The body, as the shape has it; 400 with `errors` otherwise."""
        return self._read(shape(data=self.request.data, **kwargs))

    def query(self, shape: type[Input], **kwargs: Any) -> dict[str, Any]:
        """The query, as the shape has it; what a list needs for its pages is left to `page`."""
        given: QueryDict = self.request.query_params
        names = [name for name in given if self.orderings is None or name not in pages.PARAMETERS]
        return self._read(shape(data={name: given[name] for name in names}, **kwargs))

    def _read(self, given: Input) -> dict[str, Any]:
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def page(self, rows: "QuerySet[M, M]", shape: type[BaseSerializer], **context: Any) -> Response:
        """A page of a list, by `default_ordering` unless the client orders otherwise."""
        orderings = self.orderings or pages.ORDERINGS
        found = pages.page(rows, self.request, orderings=orderings, default=self.default_ordering)
        results = shape(found.rows, many=True, context={"request": self.request, **context}).data
        return Response({"next": found.next, "previous": found.previous, "results": results})

    def once(self, work: Callable[[], Response]) -> HttpResponse:
        """
        Do `work` once for the caller's Idempotency-Key, or repeat its first answer.

        Call it after everything that decides who may have the answer (`find`, `actor.require`), and read the body
        inside `work`: an invalid body is not kept, and the same key with another body is refused before it is read.
        """
        if self.request.method not in self.idempotent:
            raise TypeError(f"{type(self).__name__}.idempotent must name {self.request.method}")

        def with_problems(key: IdempotencyKey) -> Response:
            self.taken_over, self.key_id, self._key = key.taken_over, key.pk, key
            try:
                return work()
            except problem.ANSWERED as refused:
                return self.handle_exception(refused)

        return idempotency.run(self.request, actor=self.actor, work=with_problems)

    def keep(self, answer: Response) -> Response:
        """
        Inside `once`, as the last step of the deed's own transaction: keep the answer together with the deed, so that
        whoever sends the call again gets this very answer, even if the process dies before it is sent.

        :raises IdempotencyKeyInUse: this call was taken for dead, and another one does it: nothing of this one stays
        """
        body, headers = idempotency.rendered(answer)
        if not idempotency.keep(self._key, status=answer.status_code, headers=headers, body=body):
            raise idempotency.IdempotencyKeyInUse(retry_after=idempotency.RETRY_AFTER)
        return answer


class TenantView(CallView):
    """A call by a person who acts in a tenant; an operator, who has none, is refused."""

    @property
    def member(self) -> Membership:
        """:raises NotAllowed: a partner's person, who is no member"""
        return self.actor.home

    @property
    def tenant(self) -> Tenant:
        return self.actor.organisation

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.auth is not None:
            _refused_here = self.tenant

"""
The ground of the REST API: one way to sign in, to refuse, to list and to repeat a call.

    class CancelBody(Input):                                   # reading.py: undeclared fields are refused
        reason = serializers.CharField(max_length=500)

    class SubscriptionOut(serializers.Serializer):
        id = serializers.CharField()                           # ids are strings
        price = MoneyField(amount="unit_price", currency="currency")            # fields.py
        purchaser = PersonField()                              # {"email", "name"} of a membership

    class Subscriptions(TenantView):                           # views.py: .actor .member .tenant
        scopes = {"GET": "purchases:read"}                     # one for each method; None: any signed-in person
        orderings = {"created_at": "created_at", "term_end": "term_end", "id": "id"}

        @extend_schema(parameters=[Filters], responses=page_of(SubscriptionOut))                 # schema.py
        def get(self, request):
            filters = self.query(Filters)
            return self.page(visible_to(self.actor).filter(**filters), SubscriptionOut)

    class Cancel(TenantView):
        scopes = {"POST": "purchases:write"}
        idempotent = ("POST",)                                 # the schema tells of the header

        @extend_schema(request=CancelBody, responses=SubscriptionOut)
        def post(self, request, id):                           # path("subscriptions/<uuid:id>/cancel/", …)
            subscription = self.find(Subscription.objects.of(self.tenant).managed_by(self.member), pk=id)   # or 404
            return self.once(lambda: self.cancel(subscription))       # nothing of the above depends on the key

        def cancel(self, subscription):
            body = self.body(CancelBody)                       # or 400 with errors
            done = subscriptions.cancel(subscription=subscription, by=self.actor, at=self.actor.now(), **body)
            return Response(SubscriptionOut(done).data)

Operations raise `Refused` (its `http_status`, `code` and extra members become the problem; `retry_after=` the header)
or `BadInput(…, field="members", code="not_a_member")` for a 400 with `errors`. A view for which an operator may call
too derives from `CallView`, which asks for no tenant; `public = ("GET",)` lets anybody in (`self.caller` is None then).
"""

"""Handing a subscription over to another member, who pays from then on with a card of their own."""

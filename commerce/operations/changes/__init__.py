"""What people change of a subscription while it runs, and the money that moves for it."""

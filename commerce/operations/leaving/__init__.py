"""What becomes of the seats and the purchases of somebody who is disabled or has left."""

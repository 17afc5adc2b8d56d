"""What people and organisations order: quotes, free seats, central purchases."""

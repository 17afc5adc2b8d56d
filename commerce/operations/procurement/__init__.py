"""What the central procurement view finds, keeps and does."""

"""E-mails; each is told apart from its copies by its Message-ID."""

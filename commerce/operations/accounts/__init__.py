"""The ledger, the provider's books beside ours, and the audit of both."""

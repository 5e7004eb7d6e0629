"""Two audits of the same classes: what differs."""

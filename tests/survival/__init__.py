"""Audits whose processes are killed at random moments; see __main__."""

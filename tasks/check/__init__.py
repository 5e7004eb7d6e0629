"""Limits on what an audit found, and whether they hold."""

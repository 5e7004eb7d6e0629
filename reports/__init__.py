"""Stored tables to HTML. Nothing here needs torch, the model or a scheduler."""

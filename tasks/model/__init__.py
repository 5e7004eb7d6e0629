"""The audited model, from its name or file."""

"""Class activation maps: one family of methods per file."""

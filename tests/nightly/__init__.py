"""A week of nightly audits, played through: what the check and the diff say on which day."""

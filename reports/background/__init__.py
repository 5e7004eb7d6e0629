"""Which predictions the background drives: findings, strips, contexts and patterns, as pages."""

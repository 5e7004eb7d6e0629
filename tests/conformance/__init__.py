"""Every method against its restatement and against other libraries."""

"""A concept of a user's own, learned on deep features and found again in the picture."""

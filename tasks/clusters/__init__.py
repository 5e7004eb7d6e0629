"""Clusters over the whole dataset: of what the model sees, and of what it goes by."""

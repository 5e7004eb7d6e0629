"""The folder that holds one run after another: the next one, the last one, and old ones."""

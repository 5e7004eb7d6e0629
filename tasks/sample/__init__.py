"""The embedded sample: rendered scenes with a planted shortcut, and the model that learned it."""

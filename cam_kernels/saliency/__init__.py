"""Views of an image that go back to its pixels: gradients, and gradients with changed rules."""

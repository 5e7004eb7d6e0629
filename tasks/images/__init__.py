"""From bytes to the model's input, and from its pixels back to those of the image."""

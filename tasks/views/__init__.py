"""Views of a single image, layer, unit or network."""

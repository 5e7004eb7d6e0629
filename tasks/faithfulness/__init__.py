"""How good the maps are, measured on the images of an audit."""

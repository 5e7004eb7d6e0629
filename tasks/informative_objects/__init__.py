"""The objects of a scene that a class is told by."""

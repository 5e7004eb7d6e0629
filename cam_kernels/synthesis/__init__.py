"""Pictures that excite a unit or a class, by gradient ascent."""

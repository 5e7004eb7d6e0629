"""How good a map is: what happens to the class's probability when pixels are taken away.

Every measure takes the images as the model takes them, one raw map per image on whatever grid,
and a `score` function; it returns one value per image, NaN where the map is not finite. An
empty or constant map is measured like any other: all its pixels are tied.
"""

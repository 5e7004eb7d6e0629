"""The first pass over one shard: one forward per image, rows of the tables."""

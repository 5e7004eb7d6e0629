"""From the tables of the shards to those of the whole dataset."""

"""Which images to relabel, collect or augment, by what an audit has found."""

"""Samples, sums and intervals that several stages share."""

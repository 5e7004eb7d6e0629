"""The causal test: the model run again on changed images, on a bounded sample."""

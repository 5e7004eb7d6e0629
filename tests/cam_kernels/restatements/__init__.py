"""Slow, independent restatements of one family of methods each, in float64 and plain loops.

Nothing here imports the code under test. Arrays are `activations` and `gradients` of shape
(N, K, H, W), as `tests.reference.activations_and_gradients` gives them.
"""

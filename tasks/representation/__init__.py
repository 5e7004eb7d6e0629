"""The target layer's features as a generic representation: other classifiers, closer crops."""

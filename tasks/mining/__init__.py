"""Which images excite the units most, and what units tell of classes."""

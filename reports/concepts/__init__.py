"""The page of `camaudit concept`."""

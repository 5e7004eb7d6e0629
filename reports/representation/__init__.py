"""The page of `camaudit features`."""

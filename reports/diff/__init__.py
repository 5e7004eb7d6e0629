"""The page of `camaudit diff`."""

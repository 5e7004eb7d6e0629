"""The page of `camaudit dissect`."""

"""The page of `camaudit objects`."""

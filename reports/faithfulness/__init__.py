"""The page of how good the maps are."""

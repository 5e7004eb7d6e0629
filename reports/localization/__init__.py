"""The page of how well boxes cut from the maps find the objects."""

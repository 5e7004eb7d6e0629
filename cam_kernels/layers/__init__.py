"""A network's layers: their grids, layouts, costs and receptive fields."""

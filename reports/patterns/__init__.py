"""What a model goes by: a page for each class and one for each layer of units."""

"""The audited images as files for other tools: tables, lists, COCO json, FiftyOne datasets."""

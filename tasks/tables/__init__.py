"""The run folder: schemas, files, records."""

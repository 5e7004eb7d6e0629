"""What there is to audit: the manifest, the classes, the plan."""

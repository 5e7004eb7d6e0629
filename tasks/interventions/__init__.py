"""A view of the model changed on purpose: its object kept or removed, its background replaced.

Pure functions on pixels and object masks; numpy and OpenCV only.
"""

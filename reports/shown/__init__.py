"""The images that a report shows one by one, and all that it says of them."""

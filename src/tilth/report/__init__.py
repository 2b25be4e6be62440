"""Turn the numbers of one run into a page a person can read."""

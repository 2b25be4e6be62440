"""Pull pages of records from an API, keep them, and say how to read them."""

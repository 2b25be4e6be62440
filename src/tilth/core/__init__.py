"""The nouns every room shares: pyarrow and the standard library only."""

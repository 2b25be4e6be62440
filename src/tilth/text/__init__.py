"""Read text as words, shingles and MinHash signatures: NumPy over code points, no regular expressions."""

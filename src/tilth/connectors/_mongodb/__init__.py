"""What the MongoDB source and sink share: the connection, BSON's values as Arrow's, ranges, the log of commits."""

"""Keep rows in Delta tables: parts that workers write, commits that a driver makes, and what became of each row."""

"""Refine rows: one operator a file, found by the file's name; files that start with `_` are what several share."""

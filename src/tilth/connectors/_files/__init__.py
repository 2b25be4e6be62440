"""Read files: tell what they hold, list them, and turn each format's records into rows."""

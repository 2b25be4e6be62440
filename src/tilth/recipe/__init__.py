"""Read recipes: parse, check, fill, explain. Opens no data and no connection."""

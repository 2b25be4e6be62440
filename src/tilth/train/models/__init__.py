"""Answer rows: one kind of trained model a file, each a mapper that saves to and loads from a folder."""

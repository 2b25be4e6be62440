"""List and read the files of a data set on a hub."""

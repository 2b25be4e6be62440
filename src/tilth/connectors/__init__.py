"""Read outer systems: one system a file, each a `tilth.core.connector.Source`."""

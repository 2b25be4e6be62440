"""What the BigQuery source and sink share: the client, its errors, types, names and literals."""

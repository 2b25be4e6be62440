"""What the Redshift source and sink share: sessions and their errors, types, names and literals."""

"""Run dlt quietly, and land what it loads."""

"""Hold bytes that are not rows: leases, caches, object stores."""

"""Take what partners drop: whole files only, checked, with a receipt."""

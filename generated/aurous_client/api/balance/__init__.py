"""The credits of the team that owns the key."""

"""spilled."""

"""subprocess."""

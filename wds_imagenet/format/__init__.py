"""Room format."""

"""Room packing."""

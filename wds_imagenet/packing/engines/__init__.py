"""Room packing/engines."""

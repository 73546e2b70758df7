"""imagenet."""

"""open_images."""

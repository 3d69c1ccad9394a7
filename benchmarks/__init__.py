"""What is called fast or good is measured here: `make bench`."""

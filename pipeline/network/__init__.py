"""Feature networks: an image in, named feature maps out; their weights."""

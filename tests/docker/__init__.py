"""The image and the compose files: what they promise, and containers that are made of them."""

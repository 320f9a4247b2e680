"""The inbox of the SES simulator: the last messages, as their recipients read them."""

"""What takes longer than a request, or runs the user's code with the rights of the console."""

"""What `notifier doctor` reads of the database: the server, the rights of its login, and its days."""

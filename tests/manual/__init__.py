"""The manual is built without a warning, and the commands of README and of the tutorial run as they stand there."""

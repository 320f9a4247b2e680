"""What AWS tells us becomes rows and messages: stream records, and the events of providers."""

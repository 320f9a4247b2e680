"""What every process of Notifier needs to run: heartbeat, clock, loops, memory, garbage collection, signals."""

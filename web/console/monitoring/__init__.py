"""What the console reads by itself, and how the overview shows it: throughput, the proof, alarms, charts."""

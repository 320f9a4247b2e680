"""What the console reads in the background, and how the overview shows it: throughput, audit, alarms, charts."""

"""What both simulators use: errors, typed reading of requests, fault plans, and the control API under `/_sim/`."""

"""The whole system on one machine: embedded servers, simulators, and the commands demo, up, produce and put."""

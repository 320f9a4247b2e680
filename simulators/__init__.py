"""Simulators of AWS services, each a process that speaks the service's HTTP API.

`simulators.ses` is Amazon SES, `simulators.streams` is DynamoDB Streams. Both are controlled under `/_sim/` (see
`simulators.shared.control`) and can be told to fail (see `simulators.shared.faults`). Neither imports
anything of Notifier.
"""

"""Simulators of the services that Notifier reads from and sends to. None imports anything of Notifier.

`simulators.ses` is Amazon SES, `simulators.streams` is DynamoDB Streams: each is a process that speaks the service's
HTTP API, is controlled under `/_sim/` (see `simulators.shared.control`) and can be told to fail (see
`simulators.shared.faults`). `simulators.smtp` is an SMTP server; `simulators.push` has the push services of Google,
of Apple and of browsers.
"""

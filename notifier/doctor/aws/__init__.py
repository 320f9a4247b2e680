"""Checks of AWS: credentials, tables and their streams. `notifier.doctor.ses` has those of SES and its events."""

"""Every error that Notifier raises on purpose.

NotifierError                 the message says what is wrong and what to do; a command prints it and exits
├── UsageError                the user can mend it: exit code 2
│   ├── SettingsError         a setting is missing or wrong
│   ├── RoutesError           the routes module cannot be used
│   └── TemplateError         a template is missing or broken
├── Unreachable               a server does not answer: exit code 2
├── SchemaOutdated            the database is not at the version of this program: exit code 2
├── DecodeError               what came cannot be understood: it goes to quarantine, or to the dead letters
│   └── ImageMissing          a route's pattern reads what the stream leaves out of its records
├── LeaseLost                 another bridge owns the shard now: drop it, nothing was written
└── DataTrimmed               the stream no longer holds what was asked for: a gap
"""


class NotifierError(Exception):
    """Base of all errors that Notifier raises on purpose."""

    exit_code = 1


class UsageError(NotifierError):
    """Something that the user wrote is wrong."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is missing or wrong."""


class RoutesError(UsageError):
    """The routes module cannot be used."""


class TemplateError(UsageError):
    """A template is missing or broken."""


class Unreachable(NotifierError):
    """A server that is needed does not answer."""

    exit_code = 2


class SchemaOutdated(NotifierError):
    """The database is not at the version of this program; run `notifier migrate`."""

    exit_code = 2


class DecodeError(NotifierError):
    """A stream record, or a message of the feedback queue, cannot be understood."""


class ImageMissing(DecodeError):
    """A record lacks attributes that a route's pattern reads, so that nobody can say whose event it is."""


class LeaseLost(NotifierError):
    """The shard belongs to another bridge now, or its checkpoint is not where this one left it."""


class DataTrimmed(NotifierError):
    """The stream no longer holds the records that were asked for."""

"""Every error that Notifier raises on purpose.

NotifierError                 the message says what is wrong and what to do; a command prints it and exits with 1
├── UsageError                the user can correct it: exit code 2
│   ├── SettingsError         a setting is missing or wrong
│   ├── RoutesError           the routes module cannot be used
│   ├── PackageHidden         a folder of the user has the name of a package of Notifier, and hides it
│   ├── TemplateError         a template is missing or broken
│   └── Unsendable            a message that no provider takes as it is: its delivery fails at once
├── AttachmentError           a file of a message cannot be read now
├── Unreachable               a server does not answer: exit code 2
├── SchemaOutdated            the database is not at the version of this program: exit code 2
├── DecodeError               a record or message cannot be parsed: it goes to quarantine, or to the dead letters
│   └── ImageMissing          a route's pattern reads an image that the stream does not include
├── LeaseLost                 another bridge owns the shard now: stop reading it; nothing was written
└── DataTrimmed               the stream no longer has the records that were asked for: a gap
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


class PackageHidden(UsageError):
    """A folder of the user has the name of a package of Notifier, and is imported in its place."""


class TemplateError(UsageError):
    """A template is missing or broken."""


class Unsendable(UsageError):
    """No provider takes the message as it is. The text is shown to operators, and names no recipient."""


class AttachmentError(NotifierError):
    """A file that belongs to a message cannot be read now. The text names neither the file nor the recipient."""


class Unreachable(NotifierError):
    """A server that is needed does not answer."""

    exit_code = 2


class SchemaOutdated(NotifierError):
    """The database is not at the version of this program; run `notifier migrate`."""

    exit_code = 2


class DecodeError(NotifierError):
    """A stream record, or a message of the feedback queue, cannot be parsed."""


class ImageMissing(DecodeError):
    """A record lacks the image that a route's pattern reads, so that it cannot be matched with routes."""


class LeaseLost(NotifierError):
    """The shard belongs to another bridge now, or its checkpoint is not the one that this bridge wrote."""


class DataTrimmed(NotifierError):
    """The stream no longer has the records that were asked for."""

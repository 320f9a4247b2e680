"""Settings of channels, one class for each. `notifier.settings.Settings` has all of them."""

from notifier.settings.channels.chat import ChatSettings
from notifier.settings.channels.mail import MailSettings
from notifier.settings.channels.push import PushSettings
from notifier.settings.channels.sms import SmsSettings
from notifier.settings.channels.smtp import SmtpSettings

__all__ = ["ChatSettings", "MailSettings", "PushSettings", "SmsSettings", "SmtpSettings"]

"""The channels that come with Notifier, a folder for each, and what the channels of mails share."""

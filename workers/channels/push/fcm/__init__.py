"""Pushes through Firebase Cloud Messaging, to Android, iOS and browsers."""

from workers.channels.push.fcm.channel import FcmChannel

__all__ = ["FcmChannel"]

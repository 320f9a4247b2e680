"""Pushes through the Apple Push Notification service (APNs), to iPhones, iPads, Macs and watches."""

from workers.channels.push.apns.channel import ApnsChannel

__all__ = ["ApnsChannel"]

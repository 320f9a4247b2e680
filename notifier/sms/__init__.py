"""What an SMS has of its own: the segments that carriers count, and phone numbers in texts."""

from notifier.sms.phone_numbers import PHONE_NUMBER
from notifier.sms.segments import Segments, segments_of

__all__ = ["PHONE_NUMBER", "Segments", "segments_of"]

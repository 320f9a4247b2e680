"""An SMS as carriers count it: the segments that a text takes."""

from notifier.sms.segments import Segments, segments_of

__all__ = ["Segments", "segments_of"]

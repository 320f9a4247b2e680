"""Event records of the feedback queue, of SES and of SMS, read as `Feedback`. Pure."""

from bridge.feedback.events.record import feedback_of

__all__ = ["feedback_of"]

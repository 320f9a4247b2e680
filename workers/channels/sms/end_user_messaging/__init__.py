"""SMS through AWS End User Messaging, which reports what became of each."""

from workers.channels.sms.end_user_messaging.gateway import EndUserMessaging

__all__ = ["EndUserMessaging"]

"""Texts in chats: Slack, Microsoft Teams, Discord, and servers that take what Slack takes."""

from workers.channels.chat.channel import ChatChannel

__all__ = ["ChatChannel"]

"""Previews: which route an event would belong to, and what its message would be. Nothing is sent or written.

They run the user's code, so the console has a process for each (`notifier.preview.child`).
"""

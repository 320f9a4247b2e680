"""A social network: friend requests, mentions in comments, views of a profile."""

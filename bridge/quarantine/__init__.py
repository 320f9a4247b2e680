"""Records in quarantine are judged again by the routes of today."""

"""What commands print for people: text, tables, findings and the timeline of a notification."""

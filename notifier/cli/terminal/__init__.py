"""What commands print for people: text, tables and findings."""

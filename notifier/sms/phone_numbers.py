"""Phone numbers in the texts of a provider, which reasons and diagnoses must not show. Pure."""

import re

PHONE_NUMBER = re.compile(r"\+?\d[\d ().-]{4,}\d")
"""What may be one: six or more digits, spaces, brackets, dots and dashes, a digit first and last; `+` may precede."""

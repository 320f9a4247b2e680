"""The language of a message: catalogues of gettext, and dates, numbers and amounts of money as people write them."""

"""An order shop: the buyer gets an invoice, the seller a mail about the order, and what comes at night waits."""

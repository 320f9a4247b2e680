"""An order shop: the buyer gets an invoice, the seller hears of the order, nobody is woken at night."""

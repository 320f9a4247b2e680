"""Bugs that somebody could write by mistake: the tests of the layers named must find each of them."""

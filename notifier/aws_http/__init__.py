"""Requests to AWS that are made too often for the layers of the SDK: its credentials, signer and errors stay."""

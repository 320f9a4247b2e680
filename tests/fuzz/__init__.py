"""Inputs that hypothesis makes: records, requests, settings, commands, messages of both queues."""

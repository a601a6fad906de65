"""Async client for the PaymentOptions gateway."""

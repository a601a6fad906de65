"""Sending: authentication, the default wire over aiohttp, the adapter for any httpx transport, and evidence."""

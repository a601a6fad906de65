"""A durable journal in one SQLite file."""

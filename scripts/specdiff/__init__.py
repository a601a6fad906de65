"""Find what changed between two versions of an OpenAPI document, and what of it breaks a client."""

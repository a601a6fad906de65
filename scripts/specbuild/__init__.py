"""Build one OpenAPI document per gateway from vendor pages and overlays, and generate its client."""

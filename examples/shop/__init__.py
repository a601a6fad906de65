"""A small shop that takes card payments. `make shop` runs it with a sandbox; `docs/shop.md` explains it."""

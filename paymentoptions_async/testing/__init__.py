"""For tests of applications that use this package: nothing in here is for production.

Each module stands by itself, so that only what is used must be installed: `respx_` needs respx.
"""

"""How long the tests wait. None relies on it."""

GUARD = 60_000
"""Milliseconds after which something that does not come is a failure."""
POLL = 50
"""Milliseconds between two looks at what Playwright has no wait for."""

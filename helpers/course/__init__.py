"""The machinery that runs the course; no search module imports it."""

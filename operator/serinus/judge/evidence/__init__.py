"""What counts come to: one look, and the tests behind every verdict."""

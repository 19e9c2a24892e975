"""What counts come to: one look, the tests behind every verdict, and sentences for them."""

"""Tests against a real API server, with real controllers and fake nodes."""

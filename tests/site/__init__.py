"""The documentation as a site: how links leave it, and what is checked once it is built."""

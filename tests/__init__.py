"""Serinus's tests, one folder a layer, and the tool that makes the cluster they run on."""

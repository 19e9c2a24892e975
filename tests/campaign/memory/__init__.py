"""A cluster in memory, as far as a rollout meets it: API server, pods, gateway, clients."""

"""What stable's history shows before a rollout: dispersion, how long steps take, false alarms."""

"""What stable's history tells before a rollout: dispersion, how long steps take, false alarms."""

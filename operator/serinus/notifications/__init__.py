"""The only room that calls the endpoints that are notified of rollouts: notices in, HTTP out.

What a registry is told back goes the same way, by a writer that `registries/` gives.

What happened is decided elsewhere and stored in the status. Only `notifier.py`,
`sender.py` and `credentials.py` do I/O.
"""

from serinus.notifications.notifier import Notifier

__all__ = ["Notifier"]

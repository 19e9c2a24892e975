"""The web page: all rollouts and one rollout, read-only and live.

What it shows of an object comes from views/; here it is rendered, sent to those who may see it, and
sent again when it changes.
"""

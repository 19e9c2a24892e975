"""The only room that listens: an application in, a port that strangers cannot exhaust out.

What is answered is decided in other rooms.
"""

from serinus.serving.server import body_of, serving

__all__ = ["body_of", "serving"]

"""The only room that calls registries of models: references in, versions out.

What follows from another version is decided elsewhere. A file for each kind of registry says what
it is asked, and what an answer means.
"""

from serinus.registries.following import Registries
from serinus.registries.webhook import listening

__all__ = ["Registries", "listening"]

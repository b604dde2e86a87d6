"""Shared code of the course Bitcoin & Barbells.

Importing this package costs nothing: torch, sentence-transformers and matplotlib come
with the modules that need them.
"""

from pathlib import Path

__version__ = "1.0.0"

#: The folder of the checkout: notebooks/, data/ and requirements.lock lie in it.
ROOT = Path(__file__).resolve().parent.parent


class CourseError(ValueError):
    """A mistake the user can mend; the message names the value, the place, the mend."""

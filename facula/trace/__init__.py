"""Recording, the end of a frame, plans. Start reading in recorder.py."""

from .. import config

if config.debug:
    from . import watch as watch

"""Facula's version: the one place where it stands; the package's metadata is read from here."""

__version__ = "0.1.0"

# What programs ask of torch.version: the builds that this is not.
cuda: str | None = None
hip: str | None = None
debug = False

"""Facula's version: the one place where it stands; the package's metadata is read from here."""

__version__ = "0.1.0"

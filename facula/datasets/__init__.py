"""Small data sets that come with Facula, as NumPy arrays: they need no network and no tensor."""

from .digits import load_digits as load_digits

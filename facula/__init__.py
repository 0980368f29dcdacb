"""Facula: a deep-learning framework with PyTorch's interface, recorded and compiled behind the scenes."""

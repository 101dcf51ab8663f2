"""The dashboard: the pages as web pages, served by Voila to the browsers of this machine."""

import zmq

ENCRYPTION = "auto" if zmq.has("curve") else "disabled"
"""Encryption between a page and its kernel: other users of this machine could read the ports they use."""

"""The committee's door: the pages, served by Voila to this machine's browsers under rules of their own."""

import zmq

ENCRYPTION = "auto" if zmq.has("curve") else "disabled"
"""A page and its kernel talk over ports of this machine, to which its other users could otherwise listen."""

"""The protocol at a glance."""

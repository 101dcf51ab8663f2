"""The effect page."""

from protocol.pages.effect.page import EffectPage

__all__ = ["EffectPage"]

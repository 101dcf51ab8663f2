"""Calendar files, contact cards and mails."""

__all__ = ["calendar", "mail", "vcard"]

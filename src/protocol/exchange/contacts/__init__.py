"""Calendar files, contacts and mail."""

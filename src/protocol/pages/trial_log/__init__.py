"""The log on the pages: who reads it, what may be recorded, and the forms that record it."""

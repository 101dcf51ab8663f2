"""The kit every page is composed of: fields, text, panels, tables and background tasks."""

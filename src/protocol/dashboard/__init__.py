"""The committee's door: the pages, served by Voila to this machine's browsers under rules of their own."""

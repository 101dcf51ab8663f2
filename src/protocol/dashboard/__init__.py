"""The committee's door: the pages served by Voila to this machine's browsers, with a look and rules of their own."""

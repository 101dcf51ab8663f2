"""A plain reader of iCalendar files, written from RFC 5545, sections 3.1 (folding) and 3.3.11 (escapes)."""


def unescaped(text):
    plain, letters = "", iter(text)
    for letter in letters:
        if letter == "\\":
            letter = next(letters)
            letter = "\n" if letter in "nN" else letter
        plain += letter
    return plain


def read(content):
    """Return ({property: value} of the calendar, [{property: value}] of its events); parameters are dropped."""
    assert content.endswith(b"\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    lines = content.replace(b"\r\n ", b"").decode("utf-8").split("\r\n")[:-1]
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    calendar, events, here = {}, [], None
    for line in lines[1:-1]:
        name, _colon, value = line.partition(":")
        name = name.partition(";")[0]
        if line == "BEGIN:VEVENT":
            events.append({})
            here = events[-1]
        elif line == "END:VEVENT":
            here = None
        else:
            place = calendar if here is None else here
            assert name not in place, f"{name} twice"
            place[name] = unescaped(value)
    return calendar, events

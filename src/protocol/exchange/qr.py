"""A QR code as an inline drawing, for a telephone's camera."""

from io import BytesIO

from markupsafe import Markup

from protocol.records import ProtocolError


def qr(content: bytes, title: str) -> Markup:
    """Draw bytes as a QR code: dark on white with its quiet zone, so that it is read in dark mode too.

    Raises
    ------
    ProtocolError
        When it is more than a QR code holds (2,331 bytes at error correction M).
    """
    import segno

    try:
        code = segno.make(content, error="m", micro=False, boost_error=False, mode="byte")
    except segno.DataOverflowError:
        raise ProtocolError(title, f"{len(content)} bytes", "at most 2,331 bytes") from None
    drawing = BytesIO()
    code.save(drawing, kind="svg", scale=3, border=4, light="#fff", xmldecl=False, title=None, svgclass="pw-qr")
    return Markup('<figure class="pw-figure" role="img" aria-label="{}">{}</figure>').format(
        title,
        Markup(drawing.getvalue().decode()),  # noqa: S704 - segno draws it from squares only
    )

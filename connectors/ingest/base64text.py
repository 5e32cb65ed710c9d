"""Reads base64 however its sender wrote it: in either alphabet, with its padding or without."""

import base64
import binascii
from typing import Final

_STANDARD: Final = str.maketrans("-_ ", "+/+")
"""A `+` that went unescaped through a query is a space."""


def decoded(text: str) -> bytes:
    """The bytes; raises ValueError where the text is no base64.

    >>> decoded("eyJhIjoiPz8_In0"), decoded("eyJhIjoiPz8/In0=")
    (b'{"a":"???"}', b'{"a":"???"}')
    """
    plain = text.strip("\r\n\t").translate(_STANDARD).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None

"""The published recipe by which a beneficiary identifier becomes a token, so that feeds agree."""

import base64
import hmac
import re
from hashlib import sha256


def beneficiary_token(identifier: str, key: bytes, version: int) -> str:
    """Return ``b<version>_`` and the base32 (no padding) of HMAC-SHA-256 of the identifier under the key.

    The identifier is taken in capitals without dashes and blanks, so that two feeds give one beneficiary one token; an
    identifier that is not an MBI carries a prefix such as ``bene_id:`` and is taken as it is.
    """
    plain = identifier if ":" in identifier else re.sub(r"[\s-]", "", identifier).upper()
    digest = hmac.new(key, plain.encode(), sha256).digest()
    return f"b{version}_{base64.b32encode(digest).decode().rstrip('=')}"

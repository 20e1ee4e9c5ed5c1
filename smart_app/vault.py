"""Encryption of what is kept: tokens, identities and reports."""

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Vault:
    """Seals bytes with a key that is derived from the secret key (RFC 5869)."""

    def __init__(self, secret_key: str) -> None:
        derived = HKDF(
            algorithm=SHA256(), length=32, salt=None, info=b"spoils data at rest"
        ).derive(secret_key.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def seal(self, secret: bytes) -> bytes:
        """Encrypt and authenticate."""
        return self._fernet.encrypt(secret)

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; altered bytes raise ``InvalidToken``."""
        return self._fernet.decrypt(sealed)

    def seal_text(self, text: str | None) -> bytes | None:
        """Seal a text that may be absent."""
        return None if text is None else self.seal(text.encode())

    def open_text(self, sealed: bytes | None) -> str | None:
        """Return a sealed text that may be absent."""
        return None if sealed is None else self.open(sealed).decode()

"""The token of an `Authorization` header (RFC 6750 section 2.1). It is taken from nowhere else."""


def token_of(authorization: str | None) -> str | None:
    """The token, or None for another scheme or an empty one."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip(" ") or None if scheme.lower() == "bearer" else None

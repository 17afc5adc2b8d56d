"""What counts as text: everything that PostgreSQL can store and UTF-8 can say."""


def is_clean(text: str) -> bool:
    """No NUL, which PostgreSQL refuses, and no half of a surrogate pair, which cannot be encoded."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)

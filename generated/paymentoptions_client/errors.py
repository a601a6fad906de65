"""What can be wrong with a value that was received. It is caught inside: no reply is lost to it."""


class Mismatch(TypeError):
    """A value is not of the form that the specification gives it. Never shows the value."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"expected {expected}")

"""What keeps a mail from being handed over."""


class MailError(Exception):
    """Base of what carrying mails raises on purpose."""


class CarrierError(MailError):
    """A mail that was not handed over; the text holds no address."""


class LaterError(CarrierError):
    """It may succeed later."""

    def __init__(self, text: str, after_s: float = 0.0, *, for_all: bool = False) -> None:
        super().__init__(text)
        self.after_s = after_s
        """Not before so many seconds, where whoever refused says so."""
        self.for_all = for_all
        """Whether other mails would fare no better."""


class RefusedError(CarrierError):
    """It will not succeed: the mail is refused, the address may be good."""


class BouncedError(CarrierError):
    """There is no such address, or none that takes mail: it gets no more."""

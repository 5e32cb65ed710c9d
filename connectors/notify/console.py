"""Prints alerts on the standard output, for people in front of it."""

from rich import box
from rich.console import Console as Terminal
from rich.panel import Panel
from rich.text import Text

from connectors.notify.alert import Alert
from connectors.notify.messages import Message


class ConsoleSender:
    """A panel an alert; plain text only: what strangers typed is no markup."""

    def __init__(self, terminal: Terminal | None = None) -> None:
        self._terminal = terminal or Terminal(highlight=False)

    async def send(self, alert: Alert, message: Message) -> None:
        """Print one alert."""
        text = Text("\n".join(message.lines))
        if message.link:
            text.append(f"\n{message.link}" if message.lines else message.link, style="dim")
        title = Text(message.title, style="bold")
        self._terminal.print(
            Panel(
                text,
                title=title,
                title_align="left",
                box=box.ROUNDED,
                subtitle=alert.at,
                subtitle_align="right",
            )
        )

    async def close(self) -> None:
        """Nothing is held open."""

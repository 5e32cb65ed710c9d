"""Prints alerts on the standard output, for people in front of it."""

from rich import box
from rich.console import Console as Terminal
from rich.panel import Panel
from rich.text import Text

from connectors.notify.alert import Alert
from connectors.notify.message import Message


class ConsoleSender:
    """A panel an alert; plain text only: what strangers typed is no markup."""

    def __init__(self, terminal: Terminal | None = None) -> None:
        self._terminal = terminal or Terminal(highlight=False)

    async def send(self, alert: Alert, message: Message) -> None:
        """Print one alert."""
        text = Text(message.title, style="bold")
        for line in message.lines:
            text.append(f"\n{line}", style="not bold")
        if message.page:
            text.append(f"\n{message.page.url}", style="not bold dim")
        self._terminal.print(Panel(text, box=box.ROUNDED, subtitle=Text(alert.at), subtitle_align="right"))

    async def close(self) -> None:
        """Nothing is held open."""

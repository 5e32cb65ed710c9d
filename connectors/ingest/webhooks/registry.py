"""The providers that the gateway knows, by the names that they may be called by."""

from collections.abc import Mapping
from typing import Final

from connectors.ingest.webhooks.brevo import Brevo
from connectors.ingest.webhooks.hubspot import HubSpot
from connectors.ingest.webhooks.mailersend import MailerSend
from connectors.ingest.webhooks.mailgun import Mailgun
from connectors.ingest.webhooks.mailjet import Mailjet
from connectors.ingest.webhooks.mailtrap import Mailtrap
from connectors.ingest.webhooks.mandrill import Mandrill
from connectors.ingest.webhooks.postmark import Postmark
from connectors.ingest.webhooks.provider import Provider
from connectors.ingest.webhooks.resend import Resend
from connectors.ingest.webhooks.sendgrid import SendGrid
from connectors.ingest.webhooks.ses import AmazonSes
from connectors.ingest.webhooks.sparkpost import SparkPost
from connectors.ingest.webhooks.standard import Standard
from connectors.ingest.webhooks.templated import marketo, plezi

ALSO: Final = {"amazon_ses": "ses", "generic": "standard", "sendinblue": "brevo"}
"""Other names of some."""


def providers() -> Mapping[str, Provider]:
    """The providers, by each of their names; some remember things of one gateway."""
    every: tuple[Provider, ...] = (
        AmazonSes(),
        Brevo(),
        HubSpot(),
        MailerSend(),
        Mailgun(),
        Mailjet(),
        Mailtrap(),
        Mandrill(),
        marketo(),
        plezi(),
        Postmark(),
        Resend(),
        SendGrid(),
        SparkPost(),
        Standard(),
    )
    found = {provider.name: provider for provider in every}
    return {**found, **{also: found[name] for also, name in ALSO.items()}}

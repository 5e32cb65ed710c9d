"""What mail providers tell of the messages that they carry: opens, clicks, bounces, by their webhooks."""

"""What can go wrong in running the product: one base, messages that say what to do."""


class DeployError(Exception):
    """A refusal or a failure, told in words for whoever typed the command."""


class SettingsError(DeployError):
    """A setting is missing or wrong."""


class PortInUseError(DeployError):
    """Something else listens where we should."""


class UnreachableError(DeployError):
    """A broker or store that was named does not answer."""


class ChildError(DeployError):
    """A child process did not come up."""

"""`leadheat sync` that kills itself, as kill -9 does, just before or after its n-th step; argument: n.

Steps are what leaves the process: calls to CRMs, events and what is parked, rows, offsets.
"""

import sys

from aiokafka import AIOKafkaConsumer

from connectors.durable.table import Table
from connectors.sync.caller import OutwardCaller
from connectors.sync.publishing import Sender
from deploy.cli import main
from tests.lives import Death

if __name__ == "__main__":
    steps = (OutwardCaller, "call"), (Sender, "send"), (Table, "put"), (AIOKafkaConsumer, "commit")
    Death(int(sys.argv.pop())).among(steps)
    main()

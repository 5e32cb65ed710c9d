"""`leadheat nurture` as a process for tests: on a clock that begins on a Monday morning."""

import asyncio
import sys
import time
from pathlib import Path

from connectors.mail.smtp import SmtpAccess, SmtpCarrier
from connectors.nurture.config import NurtureConfig
from connectors.nurture.plan_reader import load_plan
from connectors.nurture.role import run
from scorer.times import Micros
from tests.nurture_world import GATEWAY, LINK_KEY, MONDAY

if __name__ == "__main__":
    kafka, prefix, smtp_port, file, session_s, began_s = sys.argv[1:]
    config = NurtureConfig(
        kafka=kafka,
        topic_prefix=prefix,
        plan=load_plan(Path(file)),
        carrier=lambda: SmtpCarrier(SmtpAccess("127.0.0.1", int(smtp_port), "none"), connections=1),
        gateway_url=GATEWAY,
        clock=lambda: Micros(MONDAY + int((time.time() - float(began_s)) * 1_000_000)),
        link_keys=(LINK_KEY,),
        session_timeout_s=float(session_s),
    )
    asyncio.run(run(config))

"""A role that is asked to end does, in time."""

import signal
import subprocess
import sys

from appliance.roles.ending import END_SECONDS
from appliance.supervisor import STOP_SECONDS

STUCK = """
import threading
from appliance.roles import ending
never = threading.Event()
ending.when_asked(lambda: print("asked", flush=True), seconds=1)
thread = threading.Thread(target=never.wait)
thread.start()
print("ready", flush=True)
thread.join()
"""


def test_a_role_whose_threads_do_not_end_is_ended_by_the_kernel() -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE) as role:
        assert role.stdout
        assert role.stdout.readline() == b"ready\n"
        role.send_signal(signal.SIGTERM)
        assert role.stdout.readline() == b"asked\n"
        assert role.wait(20) == -signal.SIGALRM


def test_a_supervisor_ends_a_role_before_that() -> None:
    assert END_SECONDS > STOP_SECONDS

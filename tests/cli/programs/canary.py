"""Says CANARY in every place that a trace may take something from: its path, arguments, environment, heap, values, thread, mark."""
import os
import subprocess
import sys
import threading

import cairn


class Holder:
    def __init__(self, number):
        self.canary_attribute = "CANARY value %d" % number
        self.secret = ("CANARY heap " * 20).encode()


kept = {"CANARYkey%d" % i: Holder(i) for i in range(200)}
arguments = list(sys.argv)
cairn.mark("CANARYmark")
thread = threading.Thread(target=lambda: kept.update(more=[Holder(i) for i in range(50)]), name="CANARYthread")
thread.start()
thread.join()
kept["environment"] = os.environ["CANARY"]
os.environ["CANARYput"] = "CANARYenvironment put"
subprocess.run([sys.executable, "-c", "kept = ['CANARY value'.lower() * 3]", "CANARYargument of a child"], check=True)

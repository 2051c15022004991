"""What all steps share: places, the device's name, and the two files they write to, NAME.json and NAME.log."""
import json
import os
import threading
import time

MOST_LOG = 12 << 20  # bytes


class Context:
    def __init__(self, places, device, output, rehearsal=False, small=False, torch=True):
        self.places, self.device, self.output = places, device, output
        self.rehearsal, self.small, self.torch = rehearsal, small, torch
        os.makedirs(os.path.dirname(os.path.abspath(output)), exist_ok=True)
        self._log = open(output + ".log", "w", encoding="utf-8")
        self._lock = threading.Lock()
        self._begin = time.monotonic()
        self.result = {"steps": []}

    def close(self):
        with self._lock:
            self._log.close()

    def log(self, text):
        with self._lock:
            if not self._log.closed and self._log.tell() < MOST_LOG:
                print(f"{time.monotonic() - self._begin:6.1f} {text}", file=self._log, flush=True)

    def say(self, text):
        print(text, flush=True)
        self.log(text)

    def save(self):
        """Whole or not at all, while steps may be adding to it."""
        for _ in range(20):
            try:
                text = json.dumps(self.result, indent=1)
                break
            except RuntimeError:  # a record grew meanwhile
                time.sleep(0.01)
        else:
            return
        with self._lock:
            path = self.output + ".json"
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write(text + "\n")
            os.replace(path + ".new", path)

"""Programs of others beside cake: their words where they fail, and a count of what was right."""
import subprocess
import sys


class Beside:
    def __init__(self, environment):
        self.environment, self.done = environment, 0

    def run(self, *words, cwd=None, more=None):
        return subprocess.run(words, env=self.environment | (more or {}), capture_output=True, text=True, cwd=cwd)

    def must(self, *words, fails=False, cwd=None, more=None):
        """Ends the script if the program does not end as it has to. Gives its output, or of a failure its errors."""
        result = self.run(*words, cwd=cwd, more=more)
        if (result.returncode != 0) != fails:
            sys.exit(f"error: {' '.join(words)} ended with {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stderr if fails else result.stdout

    def check(self, what, is_so, told=""):
        if not is_so:
            sys.exit(f"error: {what}: it is not so\n{told}")
        self.done += 1
        print(f"ok: {what}", flush=True)

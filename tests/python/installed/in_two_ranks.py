"""Code that two processes run as the ranks of a torch.distributed group."""
import subprocess
import sys
from pathlib import Path

# Without its last line a process may abort at its end: gloo's threads still hold tensors that Python takes back then.
OF_RANK = """
import sys, torch, collapscope
sys.path.insert(0, {folder!r})
rank = int(sys.argv[1])
torch.distributed.init_process_group("gloo", init_method="file://{store}", rank=rank, world_size=2)
{body}
torch.distributed.destroy_process_group()
"""


def in_two_ranks(tmp_path, body):
    """The lines that each of them prints. `body` knows `rank`, `torch` and `collapscope`; both processes must end well."""
    code = OF_RANK.format(folder=str(Path(__file__).parent), store=tmp_path / "store", body=body)
    started = [subprocess.Popen([sys.executable, "-c", code, str(rank)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for rank in range(2)]
    done = [one.communicate(timeout=240) for one in started]
    assert [one.returncode for one in started] == [0, 0], "".join(errors for _, errors in done)
    return [printed.splitlines() for printed, _ in done]

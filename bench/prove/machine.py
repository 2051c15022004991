"""What the machine is: the card as it was found, driver, libraries, program. The first step of every run."""
import importlib.util
import re
import shutil

CARD = ["name", "driver_version", "pstate", "clocks.sm", "clocks.mem", "clocks.max.sm", "clocks.max.mem", "power.limit",
        "temperature.gpu", "memory.total", "memory.used", "ecc.mode.current", "compute_mode", "pcie.link.gen.current",
        "pcie.link.width.current"]


def card(step):
    if shutil.which("nvidia-smi") is None:
        return None
    done = step.run(["nvidia-smi", "--query-gpu=" + ",".join(CARD), "--format=csv,noheader"], limit=10, good=None,
                    stoppable=True)
    rows = [dict(zip(CARD, (word.strip() for word in line.split(",")))) for line in done.out.strip().splitlines()]
    return rows if done.status == 0 else done.out + done.err


def machine(step):
    context = step.context
    program = step.program("collapscope")
    version = step.run([program, "--version"], limit=10).out.splitlines()
    commit = re.search(r"\((.*)\)", version[0])
    context.result.update(commit=commit.group(1) if commit else version[0], version=version, program=program,
                          card=card(step), cuda_folders=context.places.cuda, cuda_missing=context.places.cuda_missing)
    devices = context.result["devices"] = step.run([program, "devices"]).out.splitlines()
    for line in (*version[:1], *devices):
        context.say("   " + line)
    if context.places.cuda_missing:
        context.say("   CUDA libraries that were not found: " + ", ".join(context.places.cuda_missing))
    missing = [name for name in ("numpy", "h5py") if importlib.util.find_spec(name) is None]
    step.expect(not missing, f"this Python lacks {' and '.join(missing)}, which make the dumps")
    step.expect(any(line.startswith("gpu: cuda:") for line in devices), f"there is no GPU: {' '.join(devices)[:300]}")


def has_gpu(context):
    return any(line.startswith("gpu: cuda:") for line in context.result.get("devices", []))

"""The steps that ask whether the numbers are right."""
import collections
import concurrent.futures
import os
import re
import subprocess
import time

from compare import compare, load, without_provenance
from programs import analyze, big_dump, expect_device, on_gpu, synth
from steps import Failed


def parallel():
    """Processes at a time, where the GPU is for all of them."""
    return max(1, min(4, (os.cpu_count() or 4) // 3))


def shard(step, command, number, shards):
    """One of `shards` parts of the tests: (how many passed, names of those that failed)."""
    env = {"COLLAPSCOPE_TEST_DEVICE": step.context.device, "COLLAPSCOPE_TEST_DEVICE_REQUIRED": "1",
           "GTEST_TOTAL_SHARDS": str(shards), "GTEST_SHARD_INDEX": str(number)}
    done = step.run(command, env=env, good=(0, 1))
    passed = re.search(r"\[  PASSED  \] (\d+) test", done.out)
    failed = set(re.findall(r"\[  FAILED  \] (\S+)(?: \(|$)", done.out, re.M))
    if not passed or (done.status != 0 and not failed):
        step.expect(False, f"{os.path.basename(command[0])} did not finish: {done.tail(3)[-500:]}")
    return int(passed.group(1)) if passed else 0, failed


def gtest(step, command):
    shards = parallel()
    with concurrent.futures.ThreadPoolExecutor(shards) as pool:
        parts = list(pool.map(lambda number: shard(step, command, number, shards), range(shards)))
    passed, failed = sum(part[0] for part in parts), sorted(set().union(*(part[1] for part in parts)))
    step.expect(not failed, f"{len(failed)} tests failed: {', '.join(failed[:20])}")
    step.expect(passed > 0, "no test ran")
    return {"passed": passed, "failed": failed}


def oracle(step):
    every = [] if step.context.rehearsal else ["--all"]
    step.record.update(gtest(step, [step.program("oracle_test"), step.context.places.cases(), *every, "--gtest_brief=1"]))
    step.record["summary"] = f"{step.record['passed']} cases passed"


def tests(step):
    step.record.update(gtest(step, [step.program("core_test"), "--gtest_filter=*OnBackend.*"]))
    step.record["summary"] = f"{step.record['passed']} tests passed"


def case_options(options):
    """The program's options for a case of cases.json."""
    words = []
    for key in ("signal_dim", "pool", "layout", "activations", "targets", "predictions", "weight"):
        if options.get(key) is not None:
            words += ["--" + key.replace("_", "-"), str(options[key])]
    for key in ("shards", "transpose_weight"):
        if options.get(key):
            words.append("--" + key.replace("_", "-"))
    return (*words, "--top", str(options["top"]))


def groups_of(cases, folder):
    """Cases of equal options go together, but for shards: [(name, options, files, skipped metrics)]."""
    groups = {}
    for case in cases:
        options = case_options(case["options"])
        key = (options, case["name"] if case["options"].get("shards") else "")
        group = groups.setdefault(key, {"name": case["name"], "files": [], "skip": {}})
        group["files"] += [os.path.join(folder, file) for file in case["files"]]
        for checkpoint in case["checkpoints"]:
            for layer in checkpoint["layers"]:
                place = (os.path.join(folder, checkpoint["path"]), checkpoint["id"], layer["name"])
                group["skip"].setdefault(place, set()).update(layer.get("skip", []))
    return [(group["name"], options, group["files"], group["skip"]) for (options, _), group in groups.items()]


def both_devices(step, number, group, looks, tiles):
    """tiles: numbers of a tile on the GPU, for tiles and segments in small dumps; None for the usual one."""
    name, options, files, skip = group
    label = f"group{number}"
    listing = os.path.join(step.context.places.work, label + ".txt")
    with open(listing, "w", encoding="utf-8") as file:
        file.write("\n".join(dict.fromkeys(files)) + "\n")
    options = (*options, "--looks", looks, "--threads", "2")
    expected, _ = analyze(step, ["@" + listing], label + "_cpu", "cpu", options)
    values = checkpoints = 0
    for tile in tiles:
        found, _ = analyze(step, ["@" + listing], label + "_gpu", None, options,
                           env={"COLLAPSCOPE_GPU_TILE": str(tile)} if tile else None)
        if expected is None or found is None:
            step.expect(False, f"{name} ...: no results")
            continue
        expect_device(step, found)
        result = compare(found, expected, skip)
        step.expect(not result.differences, f"{len(result.differences)} of {result.values} numbers differ: "
                    + "; ".join(result.differences[:10]))
        step.expect(found["failures"] == expected["failures"], f"{name} ...: other failures")
        values, checkpoints = values + result.values, checkpoints + len(found["checkpoints"])
    return values, checkpoints


def matrix(step):
    folder = step.context.places.cases()
    cases = load(os.path.join(folder, "cases.json"))
    if step.context.rehearsal:  # every type, storage, layout and option, but not with every other
        cases = [case for case in cases if "OracleFast" in case["suites"]]
    jobs = [(group, "2", (None, 300)) for group in groups_of(cases, folder)]
    # One look takes remainders as differences, which keeps all digits only where nothing nearly cancels.
    jobs += [(group, "1", (None,)) for group in
             groups_of([case for case in cases if case["name"].startswith("types/")], folder)]
    with concurrent.futures.ThreadPoolExecutor(parallel()) as pool:
        counts = list(pool.map(lambda job: both_devices(step, job[0], *job[1]), enumerate(jobs)))
    step.record["runs"] = sum(len(tiles) for _, _, tiles in jobs)
    step.record["numbers"] = sum(values for values, _ in counts)
    step.record["summary"] = (f"{step.record['numbers']} numbers of {sum(found for _, found in counts)} checkpoints "
                              "compared between CPU and GPU")


def small_dumps(step):
    """One small dump with default options of each kind of case, and one that the GPU decomposes."""
    folder = step.context.places.cases()
    chosen = {}
    for case in load(os.path.join(folder, "cases.json")):
        path = os.path.join(folder, case["files"][0])
        plain = case_options(case["options"]) == ("--top", "10")
        if plain and len(case["files"]) == 1 and os.path.getsize(path) < 200_000:
            chosen.setdefault(case["name"].split("/")[0], path)
            if case["name"].startswith(("types/bfloat16", "layouts/sequence/mean", "layouts/image/nchw_mean",
                                        "layouts/image/nchw_none")):
                chosen.setdefault(case["name"], path)
    wide = synth(step, "wide.h5", "-N", "1100", "-d", "520", "--dtype", "float32", "--noise", "0.1")
    return [*chosen.values(), wide]


def kernel_filter(step, sanitizer):
    """Only our kernels, for the tools that take long; this option was renamed over time."""
    help_text = step.run([sanitizer, "--help"], limit=30, good=None).out
    for option in ("--kernel-name", "--kernel-regex", "--filter"):
        if re.search(option + r"\b", help_text):
            return [option, "kns=over_"]
    return []


def sanitizer(step):
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    tool = next((path for path in [*(os.path.join(folder, "compute-sanitizer")
                                     for folder in os.environ.get("PATH", "").split(":")),
                                   home + "/bin/compute-sanitizer", home + "/compute-sanitizer/compute-sanitizer"]
                 if os.access(path, os.X_OK)), None)
    if tool is None:
        raise Failed("compute-sanitizer is not here")
    dumps = small_dumps(step)
    ours = kernel_filter(step, tool)
    step.record["tools"] = {}
    for name, only in (("memcheck", []), ("initcheck", []), ("racecheck", ours), ("synccheck", ours)):
        output = os.path.join(step.context.places.work, f"sanitizer_{name}.json")
        try:
            done = step.run([tool, "--tool", name, "--error-exitcode", "86", "--target-processes", "all", *only,
                             step.program("collapscope"), "analyze", *dumps, "--device", step.context.device,
                             "--looks", "2", "-q", "-o", output], limit=step.left() / 2, good=None)
        except Failed as error:
            step.expect(False, f"{name}: {error}")
            continue
        text = done.out + done.err
        summary = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: .*", text)
        clean = done.status == 0 and summary and all(re.search(r"SUMMARY: 0 (errors|hazards)", line)
                                                     for line in summary)
        step.record["tools"][name] = {"seconds": round(done.seconds, 1), "summary": summary, "filter": only}
        if step.expect(clean, f"{name}: status {done.status}; {summary or done.tail()[-600:]}"):
            expect_device(step, load(output))
        else:
            kernels = collections.Counter(re.findall(r"(?:at|in) (?:void )?(\S+?)(?:<|\(|\+0x)", text))
            step.record["tools"][name].update(first=text[:3000], kernels=kernels.most_common(20))
    step.record["summary"] = f"{len(step.record['tools'])} tools over {len(dumps)} dumps"


def bits(step):
    rows, features = ("40000", "1100") if not step.context.rehearsal else ("2000", "520")
    dumps = [*small_dumps(step),
             synth(step, "bits.h5", "-N", rows, "-d", features, "--dtype", "float16", "--noise", "0.01")]
    seen, runs = {}, 20
    for number in range(runs):
        if step.left() < 10:
            raise Failed(f"time for {number} of {runs} runs only")
        results, _ = analyze(step, dumps, f"bits_{number}")
        if results is None:
            continue
        expect_device(step, results)
        seen.setdefault(without_provenance(results), []).append(number)
    step.record["runs"] = sum(len(numbers) for numbers in seen.values())
    step.record["different_results"] = sorted(seen.values(), key=len)
    step.expect(len(seen) == 1, f"{len(seen)} different results in {runs} runs")
    step.record["summary"] = f"{step.record['runs']} runs, {len(seen)} different result(s)"


class Ballast:
    """Another process that leaves only so many bytes of the GPU's memory free."""

    def __init__(self, step, leave):
        self.process = subprocess.Popen([step.program("gpu_ballast"), str(leave)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=step.context.places.environment())

    def __enter__(self):
        return (self.process.stdout.readline() or "the ballast process failed").strip()

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        time.sleep(1)  # until the driver has it back


def memory(step):
    """Ever less memory: the same numbers, on the GPU with smaller tiles or on the CPU with a message."""
    features, rows = (2048, 200_000) if not step.context.rehearsal else (64, 20_000)
    dump = big_dump(step, "memory.h5", rows, features, "float32")
    expected, _ = analyze(step, [dump], "memory_cpu", "cpu", ("--looks", "2"))
    step.record["runs"] = []
    mib = 1 << 20
    for leave in (None, 6144 * mib, 2560 * mib, 1536 * mib, 1100 * mib, 800 * mib, 300 * mib):
        if step.left() < 15:
            raise Failed(f"no time for {leave} bytes and less")
        if leave is None:
            free, (found, done) = "all", analyze(step, [dump], "memory_gpu", None, ("--looks", "2"))
        else:
            with Ballast(step, leave) as free:
                found, done = analyze(step, [dump], "memory_gpu", None, ("--looks", "2"))
        if found is None or expected is None:
            step.expect(False, f"{free}: no results")
            continue
        result = compare(found, expected)
        device = found["provenance"]["device"]
        step.record["runs"].append({"free": free, "device": device, "seconds": round(done.seconds, 2),
                                    "message": done.err.strip()[-600:]})
        step.expect(not result.differences, f"{free}: " + "; ".join(result.differences[:5]))
        if not on_gpu(found) and step.context.device != "cpu":
            step.expect(leave is not None, f"the GPU was not used although its memory was free: {done.err}")
            step.expect(done.err.strip() != "", f"{free}: the CPU took over without a message")
    fell_back = sum(not run["device"].startswith("cuda:") or "in part" in run["device"] for run in step.record["runs"])
    step.record["summary"] = (f"{len(step.record['runs'])} runs, {len(step.record['runs']) - fell_back} wholly on the "
                              f"GPU, {fell_back} at least in part on the CPU")

"""What the two commands do, in which order, and how long each step may take on an H100 with 16 cores."""
from bits import bits
from ceilings import kernels, products, start
from layers import layers
from machine import machine
from matrix import matrix
from memory import memory
from pipeline import pipeline
from sanitizer import sanitizer
from schedule import Planned
from stages import bench
from suites import cases, contract, core, oracle

RESERVE = 5  # seconds, to write what was found

# Side by side where nothing is timed. The contract looks at how much memory is free, and so comes first.
CORRECTNESS = [
    Planned("machine", 25, machine),
    Planned("contract", 20, contract, ("machine",)),
    Planned("cases", 50, cases, ("machine",)),
    Planned("core", 50, core, ("contract",)),
    Planned("oracle", 90, oracle, ("cases", "core")),
    Planned("bits", 90, bits, ("core",)),
    Planned("matrix", 90, matrix, ("cases", "core")),
    Planned("sanitizer", 130, sanitizer, ("oracle", "bits", "matrix")),
]
SPEED = [
    Planned("machine", 20, machine),
    Planned("start", 10, start, ("machine",)),
    Planned("pipeline", 145, pipeline, ("start",)),
    Planned("products", 30, products, ("pipeline",)),
    Planned("kernels", 20, kernels, ("products",)),
    Planned("bench", 75, bench, ("kernels",)),
    Planned("layers", 25, layers, ("bench",)),
    Planned("memory", 25, memory, ("layers",)),
]
PLANS = {"correctness": (CORRECTNESS, 330), "speed": (SPEED, 360)}


def of(what, patience=1):
    """The plan and its budget; with patience, for machines that have much else to do."""
    plan, budget = PLANS[what]
    return [planned._replace(limit=planned.limit * patience) for planned in plan], budget * patience

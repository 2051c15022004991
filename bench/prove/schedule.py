"""Runs steps, some side by side, each with a time limit; none stops the others."""
import threading
import time
import traceback
from typing import Callable, NamedTuple

from steps import Failed, Step

GRACE = 3  # seconds for a step to clear away after its limit
SAVE_EVERY = 2  # seconds


class Planned(NamedTuple):
    name: str
    limit: int  # seconds
    work: Callable[[Step], None]
    after: tuple = ()  # names of steps that must be over, whatever they found


def longest(plan):
    """Seconds that the plan takes when every step takes its limit."""
    ends = {}
    for planned in plan:
        ends[planned.name] = planned.limit + max((ends[name] for name in planned.after), default=0)
    return max(ends.values())


def with_all_before(plan):
    """The plan, each step after all that its own forerunners are after: so the order holds when some are left out."""
    before = {}
    for planned in plan:
        before[planned.name] = set(planned.after).union(*(before.get(name, ()) for name in planned.after))
    return [planned._replace(after=tuple(before[planned.name])) for planned in plan]


def work(planned, step):
    try:
        planned.work(step)
    except Failed as error:
        step.expect(False, str(error))
    except Exception as error:  # whatever it is, the others go on
        step.context.log(traceback.format_exc())
        step.expect(False, f"{type(error).__name__}: {error}")


def run_steps(context, plan, budget, chosen=None):
    """Runs the chosen steps in so many seconds. What was not reached has a record that says so."""
    end = time.monotonic() + budget
    waiting = [planned for planned in with_all_before(plan) if chosen is None or planned.name in chosen]
    running = []
    try:
        loop(context, waiting, running, end)
    finally:  # also when the whole is told to end
        for step, _ in running:
            end_step(step, "was stopped")
        for planned in waiting:
            context.result["steps"].append({"name": planned.name, "ok": False, "failures": ["was not begun"]})
        context.save()


def end_step(step, why):
    step.expect(False, why)
    step.abandon()
    step.close()


def begin_step(context, planned, end):
    """The step and its thread; None where no time was left."""
    left = end - time.monotonic()
    step = Step(planned.name, min(planned.limit, left), context)
    context.result["steps"].append(step.record)
    if left < 1:
        end_step(step, "no time was left")
        return None
    context.say(f"== {planned.name}, at most {step.record['limit_seconds']} s")
    context.save()
    thread = threading.Thread(target=work, args=(planned, step), daemon=True)
    thread.start()
    return step, thread


def loop(context, waiting, running, end):
    saved = time.monotonic()
    while waiting or running:
        pending = {planned.name for planned in waiting} | {step.name for step, _ in running}
        for planned in [planned for planned in waiting if not pending.intersection(planned.after)]:
            waiting.remove(planned)
            begun = begin_step(context, planned, end)
            if begun:
                running.append(begun)
        time.sleep(0.02)
        for step, thread in list(running):
            if thread.is_alive() and step.left() > -GRACE:
                continue
            running.remove((step, thread))
            if thread.is_alive():
                end_step(step, f"did not end within {step.record['limit_seconds']} s")
            else:
                step.close()
            context.save()
        if time.monotonic() - saved > SAVE_EVERY:
            context.save()
            saved = time.monotonic()

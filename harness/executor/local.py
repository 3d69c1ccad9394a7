"""This machine: one slot a core (less one) or a GPU, one thread a running trial."""

import contextlib
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

from harness.executor import Finished, Note, Unsealed
from harness.experiment import Gpu, Settings, Trial
from harness.gpu import Gone, wait_until_free
from harness.sandbox import Place, Sandbox
from harness.sealed import Compared, Opened
from harness.sealing import Asking, ask
from harness.state import State
from harness.trial import Lost, Order, lost, memory_for_each, run_trial
from harness.trial import trial_folder as trial_folder
from harness.untrusted import remove


class Local:
    def __init__(
        self,
        settings: Settings,
        sandbox: Sandbox,
        state: State,
        results: Path,
        gpus: Sequence[Gpu],
        deliver: Callable[[Finished | Unsealed | Note], None],
    ) -> None:
        self.slots = settings.slots
        self.settings, self.state, self.results = settings, state, results
        memory_mb = memory_for_each(settings.slots)
        self.places = places_of_slots(sandbox, settings.slots, gpus, memory_mb)
        self.deliver = deliver
        self._busy: dict[Trial, int] = {}
        self._threads: list[Thread] = []
        self._is_unsealing = False
        self._stop = Event()

    def running(self) -> list[Trial]:
        return list(self._busy)

    def busy(self) -> dict[Trial, int]:
        """The slots of those that run; asked from other threads, too."""
        return dict(self._busy)

    def start(self, trial: Trial, source: str) -> None:
        slot = min(set(range(self.slots)) - set(self._busy.values()))
        self._busy[trial] = slot
        name = f"{trial.experiment:04d}-{trial.seed}"
        order = Order(
            trial,
            source,
            self.settings,
            trial_folder(self.results, trial),
            self.state.scratch / name,
            self.state.secret(),
            self.places[slot],
            slot,
        )
        thread = Thread(target=self._run, args=(order,), name=f"slot {slot}")
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()

    def _run(self, order: Order) -> None:
        flags: tuple[str, ...] = ()
        try:
            if order.place.gpu:
                flags = wait_until_free(
                    order.place.gpu, self._stop, lambda text: self.deliver(Note(text))
                )
            outcome = replace(run_trial(order, self._stop), flags=flags)
        except Gone as gone:
            outcome = lost(order, str(gone))
        except Exception as error:  # whatever an edit brought us to: one trial, and not the night
            outcome = lost(order, f"the harness failed: {type(error).__name__}: {error}"[:300])
            with contextlib.suppress(OSError):
                order.results.mkdir(parents=True, exist_ok=True)
                report = "".join(traceback.format_exception(error))
                (order.results / "harness-error.txt").write_text(report)
        if not self._stop.is_set():
            self.deliver(Finished(outcome))

    def done(self, trial: Trial) -> None:
        del self._busy[trial]

    def is_stored(self, trial: Trial) -> bool:
        return (trial_folder(self.results, trial) / "checkpoint.pt").is_file()

    def unseal(self, opened: Opened) -> None:
        self._is_unsealing = True
        thread = Thread(target=self._unseal, args=(opened,), name="sealed set")
        self._threads.append(thread)
        thread.start()

    def _unseal(self, opened: Opened) -> None:
        place, scratch = self.places[0], self.state.scratch / f"sealed-{opened.number}"
        asking = Asking(self.settings, self.state.secret(), self.results, place, scratch)
        try:
            found = ask(opened, asking, self._stop)
        except Lost:
            return
        except Exception as error:  # as of a trial: it is one set, and not the night
            said = f"the harness failed: {type(error).__name__}: {error}"[:300]
            found = Compared(opened.number, (), said, "", place.sandbox.level, 0.0)
        finally:
            remove(scratch)
        if not self._stop.is_set():
            self.deliver(Unsealed(found))

    def is_unsealing(self) -> bool:
        return self._is_unsealing

    def unsealed(self) -> None:
        self._is_unsealing = False

    def kill(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._busy.clear()


def places_of_slots(
    sandbox: Sandbox, slots: int, gpus: Sequence[Gpu], memory_mb: int | None = None
) -> list[Place]:
    """Cores and a GPU for each slot; more slots than GPUs share them."""
    cores = cores_of_slots(slots)
    return [
        Place(sandbox, cores[slot], gpus[slot % len(gpus)] if gpus else None, memory_mb)
        for slot in range(slots)
    ]


def cores_of_slots(slots: int) -> list[tuple[int, ...]]:
    """Cores for each slot, the machine's first one left to the harness where there are several."""
    if not hasattr(os, "sched_getaffinity"):
        return [()] * slots
    free = harness_cores_and_rest()[1]
    each = max(1, len(free) // slots)
    return [tuple(free[(i * each + k) % len(free)] for k in range(each)) for i in range(slots)]


def harness_cores_and_rest() -> tuple[list[int], list[int]]:
    cores = sorted(os.sched_getaffinity(0))
    return (cores[:1], cores[1:]) if len(cores) > 1 else (cores, cores)


def default_slots(device: str, gpus: int) -> int:
    """One for each visible GPU, Apple's one included, else one for each core less the harness's."""
    if gpus or device == "mps":
        return max(1, gpus)
    if not hasattr(os, "sched_getaffinity"):
        return max(1, (os.cpu_count() or 2) - 1)
    return len(harness_cores_and_rest()[1])

"""The GPUs that trials run on: which there are, how much memory is free, and who holds it.

Found by torch in a process of its own, since CUDA in the harness would hold memory itself; watched
through NVML (nvidia-ml-py, NVIDIA's own bindings).
Not covered: memory of GPUs that NVML does not know (MIG parts, unified memory); those are used
without waiting.
"""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from harness.confinement import Box
from harness.errors import Misuse
from harness.experiment import Gpu
from harness.sandbox import Place, scrub, start

FREE_SHARE = 0.95  # of what was free when the campaign began; with less, somebody else is there
WAIT_S = 60.0  # for it to become free; then the trial runs, with a flag
POLL_S = 2.0
GONE_POLL_S = 10.0
GONE_WAIT_S = 300.0  # a driver that is set back takes a minute or two; then the trial is lost
INSIDE_S = 120.0  # torch's import and CUDA's start, in the sandbox
DETECT = """
import json, torch
n = torch.cuda.device_count() if torch.cuda.is_available() else 0
found = [torch.cuda.get_device_properties(i) for i in range(n)]
gpus = [[str(p.uuid), p.name, p.total_memory >> 20] for p in found]
print(json.dumps({"gpus": gpus, "mps": torch.backends.mps.is_available()}))
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What torch finds on this machine."""

    gpus: tuple[Gpu, ...]
    has_mps: bool


def detect() -> Found:
    """Raises Misuse where torch cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-c", DETECT], capture_output=True, text=True, check=False
    )
    try:
        said = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["no output"]
        raise Misuse(f"torch does not start here ({last[0]}); run `make setup` again") from None
    listed = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    gpus = []
    for place, (uuid, name, total_mb) in enumerate(said["gpus"]):
        device = listed[place] if place < len(listed) else f"GPU-{uuid}"
        gpu = Gpu(device, f"GPU-{uuid}", name, total_mb, None)
        gpus.append(Gpu(device, gpu.uuid, name, total_mb, free_mb(gpu)))
    return Found(tuple(gpus), said["mps"])


class Gone(Exception):
    """The driver does not find the GPU any more."""


def free_mb(gpu: Gpu) -> int | None:
    """None where NVML cannot tell. Raises Gone."""
    nvml = _nvml()
    if nvml is None:
        return None
    try:
        return int(
            nvml.nvmlDeviceGetMemoryInfo(nvml.nvmlDeviceGetHandleByUUID(gpu.uuid)).free >> 20
        )
    except nvml.NVMLError as error:
        if gpu.free_mb is not None and error.value in (
            nvml.NVML_ERROR_GPU_IS_LOST,
            nvml.NVML_ERROR_NOT_FOUND,
        ):
            raise Gone(f"the driver does not find {gpu.name} ({gpu.uuid}) any more") from None
        return None


def holders(gpu: Gpu) -> str:
    """Who computes on it, in words."""
    nvml = _nvml()
    found: list[str] = []
    if nvml is not None:
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
            for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
                found.append(f"process {process.pid} ({_name(process.pid)})")
        except nvml.NVMLError:
            pass
    return ", ".join(found) or "somebody whom the driver does not name"


def wait_until_free(gpu: Gpu, stop: Event, tell: Callable[[str], None]) -> tuple[str, ...]:
    """Flags for the trial that is to run on it: who holds it still, if anybody.

    A GPU that is gone is waited for: a trial without it would tell nothing. Raises Gone after
    `GONE_WAIT_S`, so that a campaign whose GPU does not come back ends, and says so.
    """
    waited = missing = 0.0
    while not stop.is_set():
        try:
            free = free_mb(gpu)
        except Gone as gone:
            if missing >= GONE_WAIT_S:
                raise
            tell(f"{gone}: waiting for it")
            stop.wait(GONE_POLL_S)
            missing += GONE_POLL_S
            continue
        if free is None or gpu.free_mb is None or free >= FREE_SHARE * gpu.free_mb:
            break
        if waited >= WAIT_S:
            flag = f"{gpu.name} shared with {holders(gpu)}: {free} of {gpu.free_mb} MB free"
            tell(flag)
            return (flag,)
        if not waited:
            tell(f"waiting for memory of {gpu.name}, held by {holders(gpu)}")
        stop.wait(POLL_S)
        waited += POLL_S
    return ()


def is_gone(gpu: Gpu) -> bool:
    try:
        free_mb(gpu)
    except Gone:
        return True
    return False


def check_inside(place: Place, scratch: Path) -> None:
    """A process in the sandbox must find the GPU, or it would train on the CPU, slowly and without
    a word. Raises Misuse."""
    scratch.mkdir(parents=True, exist_ok=True)
    box = Box(scratch, environment=scrub(scratch, device="cuda"), gpu=True)
    code = "import torch; print(torch.cuda.device_count(), torch.zeros(1, device='cuda').item())"
    process = start(
        place.sandbox,
        place.within(box),
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = process.popen.communicate(timeout=INSIDE_S)
    except subprocess.TimeoutExpired:
        out, err = b"", b"no answer"
    finally:
        process.kill()
    if out.split() != [b"1", b"0.0"]:
        said = err.decode(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        name = place.gpu.name if place.gpu else "the GPU"
        raise Misuse(
            f"inside the sandbox ({place.sandbox.level}) torch does not find {name}: {said[0]}; run"
            " nvidia-smi once and try again, see docs/SANDBOX.md, or choose --sandbox none"
        )


@dataclass(frozen=True, slots=True)
class Use:
    """How a GPU is used now. `share` is that of the last moment in which it computed."""

    share: float | None
    used_mb: int | None
    temperature_c: int | None


def use_of(gpu: Gpu) -> Use | None:
    """None where NVML does not know it, or cannot tell anything."""
    nvml = _nvml()
    if nvml is None:
        return None

    def ask(question: Callable[[Any], Any]) -> Any:
        try:
            return question(handle)
        except nvml.NVMLError:
            return None

    try:
        handle = nvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
    except nvml.NVMLError:
        return None
    busy = ask(lambda it: nvml.nvmlDeviceGetUtilizationRates(it).gpu / 100)
    used_mb = ask(lambda it: int(nvml.nvmlDeviceGetMemoryInfo(it).used >> 20))
    heat_c = ask(lambda it: int(nvml.nvmlDeviceGetTemperature(it, nvml.NVML_TEMPERATURE_GPU)))
    return None if (busy, used_mb, heat_c) == (None, None, None) else Use(busy, used_mb, heat_c)


def driver() -> str:
    """The NVIDIA driver's version, empty where there is none."""
    nvml = _nvml()
    try:
        return str(nvml.nvmlSystemGetDriverVersion()) if nvml else ""
    except nvml.NVMLError:
        return ""


@functools.cache
def _nvml() -> Any:
    """The bindings, begun once; None where there is no NVIDIA driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except (ImportError, OSError, pynvml.NVMLError):
        return None
    return pynvml


def _name(pid: int) -> str:
    import psutil

    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return "of another user"

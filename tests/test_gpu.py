"""GPUs are watched through NVIDIA's own bindings, here over a stand-in of the driver's library."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import gpu
from harness.executor.local import default_slots, places_of_slots
from harness.experiment import Gpu
from harness.sandbox import Sandbox, scrub

ROOT = Path(__file__).resolve().parent.parent
GPU = Gpu("GPU-of-the-test", "GPU-of-the-test", "Test 4090", 24_000, 20_000)
SCRIPT = """
import json, sys, threading
from harness import gpu
from harness.experiment import Gpu

gpu.WAIT_S, gpu.POLL_S, gpu.GONE_POLL_S, gpu.GONE_WAIT_S = 0.3, 0.1, 0.1, float(sys.argv[4])
it, told, stop = Gpu(*json.loads(sys.argv[1])), [], threading.Event()

def tell(text):
    told.append(text)
    for words, state in json.loads(sys.argv[2]).items():
        if words in text:
            open(sys.argv[3], "w").write(state)

try:
    flags = gpu.wait_until_free(it, stop, tell)
except gpu.Gone as gone:
    print(json.dumps({"gone": str(gone), "told": told}))
    sys.exit()
print(json.dumps({"flags": flags, "told": told, "free": gpu.free_mb(it)}))
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """The folder of a libnvidia-ml.so.1 that tells what a file says."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("the stand-in of the driver's library needs a C compiler")
    folder = tmp_path_factory.mktemp("driver")
    source = Path(__file__).with_name("fake_nvml.c")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return folder


def wait(driver, state_file, *, then=None, give_up_s=60.0):
    """What waiting for the GPU came to; `then`: the driver's state once something was told."""
    facts = [GPU.device, GPU.uuid, GPU.name, GPU.total_mb, GPU.free_mb]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SCRIPT,
            json.dumps(facts),
            json.dumps(then or {}),
            str(state_file),
            str(give_up_s),
        ],
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "LD_LIBRARY_PATH": str(driver),
            "FAKE_NVML": str(state_file),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_free_gpu_is_not_waited_for(driver, tmp_path):
    """At 95% of what was free when the campaign began, a trial starts at once, without a flag."""
    state = tmp_path / "state"
    state.write_text("19000 24000 0")
    assert wait(driver, state) == {"flags": [], "told": [], "free": 19000}


def test_who_holds_the_gpu_is_named(driver, tmp_path):
    """With less free it is waited for; then the trial runs, and its row names the holder."""
    state = tmp_path / "state"
    state.write_text(f"18999 24000 {os.getpid()}")
    found = wait(driver, state)
    assert len(found["flags"]) == 1
    assert f"process {os.getpid()} (" in found["flags"][0]
    assert "18999 of 20000 MB free" in found["flags"][0]
    assert found["told"][0].startswith("waiting for memory of Test 4090")


def test_memory_that_comes_free_leaves_no_flag(driver, tmp_path):
    """Whoever held it has gone meanwhile."""
    state = tmp_path / "state"
    state.write_text("100 24000 1")
    assert wait(driver, state, then={"waiting for memory": "20000 24000 0"})["flags"] == []


def test_a_gpu_that_is_gone_is_waited_for(driver, tmp_path):
    """No trial runs without it, and it is told what is waited for."""
    found = wait(driver, tmp_path / "state", then={"does not find": "20000 24000 0"})
    assert found["flags"] == []
    assert "does not find Test 4090" in found["told"][0]


def test_a_gpu_that_does_not_come_back_is_given_up(driver, tmp_path):
    """After a while the trial is lost, so that the campaign ends and says why."""
    found = wait(driver, tmp_path / "state", give_up_s=0.2)
    assert found["gone"].startswith("the driver does not find Test 4090")
    assert len(found["told"]) <= 3


def test_without_a_driver_nothing_is_waited_for(tmp_path):
    """NVML that is missing, or does not know the GPU, holds nothing up."""
    if gpu._nvml() is not None:
        pytest.skip("there is a driver here")
    assert wait(tmp_path, tmp_path / "state") == {"flags": [], "told": [], "free": None}


def test_slots_share_gpus_in_turn(tmp_path):
    """Each slot sees one GPU, under the name that the person's own setting has for it."""
    second = Gpu("3", "GPU-second", "Test 4090", 24_000, None)
    places = places_of_slots(Sandbox("none", ""), 3, [GPU, second])
    assert [place.gpu for place in places] == [GPU, second, GPU]
    box = gpu.Box(tmp_path, environment=scrub(tmp_path, device="cuda"), gpu=True)
    assert places[1].within(box).environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in places[1].within(gpu.Box(tmp_path)).environment
    assert places_of_slots(Sandbox("none", ""), 1, [])[0].gpu is None


def test_one_training_at_a_time_on_a_gpu():
    """A slot for each; Apple's is one, however many cores there are."""
    assert (default_slots("cuda", 3), default_slots("mps", 0)) == (3, 1)
    assert default_slots("cpu", 0) == max(1, len(os.sched_getaffinity(0)) - 1)


def test_what_torch_finds_is_asked_in_another_process():
    """The harness itself never imports torch, whose CUDA would hold memory on the GPU."""
    code = "import sys, harness.gpu as g; print(g.detect(), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("Found(gpus="), done.stderr
    assert done.stdout.strip().endswith("False")

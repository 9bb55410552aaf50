"""Logs of a real asynchronous parameter server: PyTorch's RPC, one server process, N worker processes.

    python3 tools/torch_parameter_server.py --law exp --workers 4 --steps 6000 --out torch_exp_4w.csv.gz

All processes run on this host, and talk over its loopback. A worker pulls all weights of a small click-through-rate
model, computes a true gradient, sleeps for a drawn time, and pushes the gradient. The server applies it with plain SGD
under a lock. The sleeps make the step times known; what happens at the server is real. Needs `torch` alone.

Laws of the sleep, with mean m: `const` (m), `exp` (exponential), `lognormal` (sigma 0.5), `straggler` (m; worker 0
sleeps 5 m), `hetero` (constant for each worker, spread evenly over 0.2 m to 2 m).

One row per update, in the order of the server's versions: `worker, step, t_pull0, t_pull1, pull_version, sleep_s,
t_push0, t_push1, push_version, staleness`. Times are seconds of one monotonic clock since the first pull of all. The
program `straggler fit` knows these names.
"""

import argparse
import csv
import gzip
import os
import random
import sys
import threading
import time

import torch
import torch.distributed.rpc as rpc
import torch.multiprocessing as processes

FIELDS, ROWS, WIDTH, BATCH = 6, 2_000, 16, 32
LAWS = ["const", "exp", "lognormal", "straggler", "hetero"]


def model():
    """A small network: embeddings of six fields, and two dense layers."""
    torch.manual_seed(0)
    return torch.nn.ModuleDict({
        "table": torch.nn.Embedding(FIELDS * ROWS, WIDTH),
        "tower": torch.nn.Sequential(
            torch.nn.Linear(FIELDS * WIDTH, 128), torch.nn.ReLU(), torch.nn.Linear(128, 1)
        ),
    })


def parameters(network):
    return torch.nn.utils.parameters_to_vector(network.parameters())


class Server:
    """All weights as one vector, and the number of updates that they have had."""

    def __init__(self):
        self.lock, self.version = threading.Lock(), 0
        self.weights = parameters(model()).detach()

    def pull(self):
        with self.lock:
            return self.version, self.weights.clone()

    def push(self, gradient):
        with self.lock:
            self.weights -= 0.05 * gradient
            self.version += 1
            return self.version


SERVER = None


def pull():
    return SERVER.pull()


def push(gradient):
    return SERVER.push(gradient)


def sleeps(law, mean, worker, workers, draws):
    """Endless sleep times of a worker."""
    while True:
        if law == "exp":
            yield draws.expovariate(1 / mean)
        elif law == "lognormal":
            yield mean * draws.lognormvariate(-0.125, 0.5)
        elif law == "straggler" and worker == 0:
            yield 5 * mean
        elif law == "hetero":
            yield mean * (0.2 + 1.8 * worker / max(workers - 1, 1))
        else:
            yield mean


def gradient(network, draws):
    """The gradient of the loss on examples that are drawn at random."""
    fields = torch.arange(FIELDS) * ROWS
    ids = torch.tensor([[draws.randrange(ROWS) for _ in range(FIELDS)] for _ in range(BATCH)]) + fields
    labels = (ids.sum(1) % 3 == 0).float()
    network.zero_grad()
    logits = network["tower"](network["table"](ids).flatten(1)).squeeze(1)
    torch.nn.functional.binary_cross_entropy_with_logits(logits, labels).backward()
    return torch.cat([p.grad.flatten() for p in network.parameters()])


def work(worker, settings):
    """The steps of one worker, until the server has had all updates."""
    draws = random.Random(settings.seed * 1_000 + worker)
    network, rows, version = model(), [], 0
    times = sleeps(settings.law, settings.mean, worker, settings.workers, draws)
    for step, sleep in enumerate(times):
        begun = time.monotonic()
        pulled, weights = rpc.rpc_sync("server", pull)
        ended = time.monotonic()
        torch.nn.utils.vector_to_parameters(weights, network.parameters())
        values = gradient(network, draws)
        time.sleep(sleep)
        sent = time.monotonic()
        version = rpc.rpc_sync("server", push, args=(values,))
        done = time.monotonic()
        if version <= settings.steps:
            rows.append([worker, step, begun, ended, pulled, sleep, sent, done, version, version - 1 - pulled])
        if version >= settings.steps:
            return rows


def process(rank, settings, found):
    global SERVER
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(settings.port), GLOO_SOCKET_IFNAME="lo", TP_SOCKET_IFNAME="lo")
    # The transport through shared memory is left out: a server elsewhere would have none.
    options = rpc.TensorPipeRpcBackendOptions(num_worker_threads=16, _transports=["uv"], _channels=["basic"])
    name = "server" if rank == 0 else f"worker{rank - 1}"
    if rank == 0:
        SERVER = Server()
    rpc.init_rpc(name, rank=rank, world_size=settings.workers + 1, rpc_backend_options=options)
    if rank > 0:
        found.put(work(rank - 1, settings))
    rpc.shutdown()


def load():
    """Seconds of one core that all processes of this host have used, and seconds since the start."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, idle, waiting = map(int, file.readline().split()[1:6])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK"), time.monotonic()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--law", choices=LAWS, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--steps", type=int, default=6_000, help="updates in all")
    parser.add_argument("--mean", type=float, default=0.1, help="mean sleep in seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=29_511)
    parser.add_argument("--out", required=True, help="a new file, *.csv.gz")
    settings = parser.parse_args()
    if os.path.exists(settings.out):
        sys.exit(f"{settings.out} exists already; use another name")
    # Forked processes need not load the library again.
    context = processes.get_context("fork")
    found = context.Queue()
    ranks = range(settings.workers + 1)
    running = [context.Process(target=process, args=(rank, settings, found)) for rank in ranks]
    for each in running:
        each.start()
    before = load()
    rows = [row for _ in range(settings.workers) for row in found.get()]
    after = load()
    for each in running:
        each.join()
    rows.sort(key=lambda row: row[8])
    first = min(row[2] for row in rows)
    with gzip.open(settings.out, "wt", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow("worker step t_pull0 t_pull1 pull_version sleep_s t_push0 t_push1 push_version staleness".split())
        for row in rows:
            for column in (2, 3, 6, 7):
                row[column] = f"{row[column] - first:.6f}"
            row[5] = f"{row[5]:.6f}"
            table.writerow(row)
    cores = (after[0] - before[0]) / (after[1] - before[1])
    print(f"{settings.out}: {len(rows)} rows; this host used {cores:.2f} of {os.cpu_count()} cores meanwhile")


if __name__ == "__main__":
    main()

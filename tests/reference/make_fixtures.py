#!/usr/bin/env python3
"""Writes what PyTorch computes to fixtures/*.json. See README.md beside this file."""
import json
import random
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
torch.sparse.check_sparse_tensor_invariants.enable()
OUT = Path(__file__).parent / "fixtures"


# ---------------------------------------------------------------- the log and the batch

def log_schema(kind):
    """Columns of two small logs: `shop` has two aligned history columns, two fields over one id
    space and numeric columns; `six` has six fields of their own and a history of the first."""
    if kind == "six":
        sizes = [11, 5, 7, 5, 4, 3]
        return {
            "spaces": [{"name": f"s{i}", "rows": n} for i, n in enumerate(sizes)],
            "fields": [{"name": f"f{i}", "space": i} for i in range(6)],
            "history": [{"space": 0, "target": 0}],
            "numeric": [],
        }
    return {
        "spaces": [{"name": n, "rows": r} for n, r in [("item", 9), ("category", 4), ("user", 6)]],
        "fields": [{"name": n, "space": s}
                   for n, s in [("item", 0), ("category", 1), ("user", 2), ("shelf", 1)]],
        "history": [{"space": 0, "target": 0}, {"space": 1, "target": 1}],
        "numeric": ["price", "age"],
    }


def draw_batch(schema, rng, examples=8):
    rows = [s["rows"] for s in schema["spaces"]]
    batch = {"labels": [], "fields": [], "history_offsets": [0], "history": [], "numeric": []}
    for example in range(examples):
        batch["labels"].append(float(rng.random() < 0.4))
        batch["fields"] += [rng.randrange(rows[f["space"]]) for f in schema["fields"]]
        events = 0 if example % 4 == 2 else rng.randint(1, 5)
        for _ in range(events):
            batch["history"] += [rng.randrange(rows[c["space"]]) for c in schema["history"]]
        batch["history_offsets"].append(batch["history_offsets"][-1] + events)
        # Multiples of 1/256, exact in single precision.
        batch["numeric"] += [rng.randrange(-256, 257) / 256 for _ in schema["numeric"]]
    return batch


# ---------------------------------------------------------------- networks

class Dice(nn.Module):
    """a = p z + (1 - p) slope z, p = sigmoid of z normalised by batch or moving statistics."""

    def __init__(self, units, slopes):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(slopes))
        self.norm = nn.BatchNorm1d(units, eps=1e-8, affine=False)
        self.mean = self.variance = None

    def forward(self, z):
        if self.training:
            self.mean, self.variance = z.mean(0).detach(), z.var(0, unbiased=False).detach()
        p = torch.sigmoid(self.norm(z))
        return p * z + (1 - p) * self.weight * z


def activation(config, units):
    slopes = units if config.get("slopes", "channel") == "channel" else 1
    return {"prelu": lambda: nn.PReLU(slopes), "relu": nn.ReLU, "sigmoid": nn.Sigmoid,
            "leaky_relu": lambda: nn.LeakyReLU(0.01),
            "dice": lambda: Dice(units, slopes)}[config.get("activation", "prelu")]()


def tower(config, inputs, hidden):
    parts = []
    for units in hidden:
        parts += [nn.Linear(inputs, units), activation(config, units)]
        inputs = units
    return nn.Sequential(*parts, nn.Linear(inputs, 1))


class Net(nn.Module):
    """All three models; which columns enter is decided by `config`."""

    def __init__(self, config, schema):
        super().__init__()
        self.config, self.schema, self.kind = config, schema, config["kind"]
        wanted = config.get("fields")
        chosen = lambda name: wanted is None or name in wanted
        targets = [c["target"] for c in schema["history"]] if self.kind == "din" else []
        self.targets = targets
        self.plain = [i for i, f in enumerate(schema["fields"]) if i not in targets and chosen(f["name"])]
        self.numeric = [i for i, n in enumerate(schema["numeric"]) if chosen(n)]
        dim = 1 if self.kind == "logistic" else config["embedding_dim"]
        used = {schema["fields"][i]["space"] for i in self.plain + targets}
        self.tables = nn.ModuleDict({s["name"]: nn.Embedding(s["rows"], dim)
                                     for i, s in enumerate(schema["spaces"]) if i in used})
        if self.kind == "logistic":
            self.linear = nn.Linear(len(self.numeric), 1)
            return
        inputs = len(self.plain) * dim + len(self.numeric)
        if self.kind == "din":
            self.width = width = dim * len(targets)
            self.attention = tower(config, 4 * width, config["attention_hidden"])
            inputs += (3 if config["product"] else 2) * width
        self.mlp = tower(config, inputs, config["hidden"])

    def look_up(self, space, ids):
        return self.tables[self.schema["spaces"][space]["name"]](ids)

    def field(self, batch, i):
        ids = torch.tensor(batch["fields"]).view(-1, len(self.schema["fields"]))[:, i]
        return self.look_up(self.schema["fields"][i]["space"], ids)

    def attend(self, batch, q):
        columns = self.schema["history"]
        events = torch.tensor(batch["history"]).view(-1, len(columns))
        h = torch.cat([self.look_up(c["space"], events[:, k]) for k, c in enumerate(columns)], 1)
        lengths = torch.tensor(batch["history_offsets"]).diff()
        repeated = q.repeat_interleave(lengths, 0)
        scores = self.attention(torch.cat([repeated, h, repeated - h, repeated * h], 1)).squeeze(1)
        pooled = []
        for s, events in zip(scores.split(lengths.tolist()), h.split(lengths.tolist())):
            weight = torch.softmax(s / self.width ** 0.5, 0) if self.config["attention_softmax"] else s
            pooled.append((weight.unsqueeze(1) * events).sum(0))
        return torch.stack(pooled)

    def forward(self, batch):
        columns = [self.field(batch, i) for i in self.plain]
        numeric = torch.tensor(batch["numeric"]).view(len(batch["labels"]), -1)[:, self.numeric]
        if self.kind == "logistic":
            return torch.cat(columns, 1).sum(1) + self.linear(numeric).squeeze(1)
        if self.kind == "din":
            q = torch.cat([self.field(batch, i) for i in self.targets], 1)
            p = self.attend(batch, q)
            columns = [q, p] + ([q * p] if self.config["product"] else []) + columns
        return self.mlp(torch.cat(columns + [numeric], 1)).squeeze(1)


# ---------------------------------------------------------------- our names for their tensors

def blocks(net):
    """(our name, tensor, whether it is stored transposed) of every dense parameter."""
    if net.kind == "logistic":
        return [("linear.weight", net.linear.weight, True), ("linear.bias", net.linear.bias, False)]
    found = []
    for name in ["attention", "mlp"] if net.kind == "din" else ["mlp"]:
        parts = list(getattr(net, name))
        for i, part in enumerate(parts):
            layer = f"{name}.last" if i == len(parts) - 1 else f"{name}.{i // 2}"
            if isinstance(part, nn.Linear):
                found += [(f"{layer}.weight", part.weight, True), (f"{layer}.bias", part.bias, False)]
            elif isinstance(part, (nn.PReLU, Dice)):
                found.append((f"{layer}.slope", part.weight, False))
    return found


def dices(net):
    """(our layer name, module) of every Dice."""
    return [(f"{name}.{i // 2}", part) for name in ["attention", "mlp"] if hasattr(net, name)
            for i, part in enumerate(getattr(net, name)) if isinstance(part, Dice)]


def flat(tensor, transposed=False):
    return [float(f"{x:.15g}") for x in (tensor.t() if transposed else tensor).reshape(-1).tolist()]


# ---------------------------------------------------------------- model fixtures

SMALL_DIN = {"kind": "din", "embedding_dim": 2, "attention_hidden": [4], "hidden": [6, 3]}
MODELS = {
    # name: (log, configuration)
    "logistic": ("shop", {"kind": "logistic"}),
    "mlp": ("shop", {"kind": "mlp", "embedding_dim": 3, "hidden": [6, 4]}),
    "mlp_three_fields": ("shop", {"kind": "mlp", "embedding_dim": 3, "hidden": [6, 4], "slopes": "layer",
                                  "fields": ["user", "item", "category"]}),
    "mlp_six_fields": ("six", {"kind": "mlp", "embedding_dim": 2, "hidden": [6, 4]}),
    "mlp_relu": ("shop", {"kind": "mlp", "embedding_dim": 2, "hidden": [6], "activation": "relu"}),
    "mlp_leaky_relu": ("shop", {"kind": "mlp", "embedding_dim": 2, "hidden": [6], "activation": "leaky_relu"}),
    "din_softmax_product": ("shop", SMALL_DIN | {"attention_softmax": True, "product": True, "slopes": "layer",
                                                 "fields": ["item", "category"]}),
    "din_user": ("shop", SMALL_DIN | {"attention_softmax": True, "product": True, "slopes": "layer",
                                      "fields": ["item", "category", "user"]}),
    "din_six_fields": ("six", SMALL_DIN | {"attention_softmax": False, "product": False}),
    "din_sigmoid": ("shop", SMALL_DIN | {"attention_softmax": True, "product": False, "activation": "sigmoid"}),
    "din_dice": ("shop", SMALL_DIN | {"attention_softmax": False, "product": True, "activation": "dice",
                                      "l2_embedding": 0.25}),
}


def penalty(net, batch, counts):
    """Mini-batch-aware L2: lambda / 2 |w_r|^2 / n_r over the distinct rows of the batch."""
    schema, total = net.schema, torch.zeros(())
    columns = [(f["space"], batch["fields"][i::len(schema["fields"])]) for i, f in enumerate(schema["fields"])]
    columns += [(c["space"], batch["history"][k::len(schema["history"])]) for k, c in enumerate(schema["history"])]
    for s, space in enumerate(schema["spaces"]):
        for row in sorted({i for at, ids in columns if at == s for i in ids}):
            weight = net.tables[space["name"]].weight[row]
            total = total + net.config["l2_embedding"] / 2 * weight.square().sum() / max(1, counts[s][row])
    return total


def model_fixture(name, log, config):
    rng = random.Random(name)
    schema = log_schema(log)
    batch = draw_batch(schema, rng)
    net = Net(config, schema)
    with torch.no_grad():
        for weight in net.parameters():
            # Multiples of 1/1024, exact in single precision.
            weight.copy_(torch.tensor([rng.randrange(-700, 701) / 1024 for _ in range(weight.numel())]).view_as(weight))
        for _, dice in dices(net):
            dice.norm.running_mean.copy_(torch.tensor([rng.randrange(-256, 257) / 512 for _ in dice.norm.running_mean]))
            dice.norm.running_var.copy_(torch.tensor([rng.randrange(128, 512) / 256 for _ in dice.norm.running_var]))
    moving = {f"{layer}.{part}": flat(value) for layer, d in dices(net)
              for part, value in [("mean", d.norm.running_mean), ("variance", d.norm.running_var)]}
    counts = [[rng.randrange(0, 5) for _ in range(s["rows"])] for s in schema["spaces"]]
    labels = torch.tensor(batch["labels"])
    scores = net.eval()(batch)
    loss = F.binary_cross_entropy_with_logits(net.train()(batch), labels)
    (loss + (penalty(net, batch, counts) if "l2_embedding" in config else 0)).backward()
    gradient = lambda w, transposed: flat(w.grad if w.grad is not None else torch.zeros_like(w), transposed)
    return {
        "model": config, "schema": schema, "counts": counts, "batch": batch,
        "dense": {n: flat(w, t) for n, w, t in blocks(net)},
        "tables": {n: flat(e.weight) for n, e in net.tables.items()},
        "moving": moving,
        "scores": flat(scores), "loss": loss.item(),
        "gradient": {
            "dense": {n: gradient(w, t) for n, w, t in blocks(net)},
            "tables": {n: gradient(e.weight, False) for n, e in net.tables.items()},
            "moving": {f"{layer}.{part}": flat(value) for layer, d in dices(net)
                       for part, value in [("mean", d.mean), ("variance", d.variance)]},
        },
    }


# ---------------------------------------------------------------- optimizer fixtures

ROWS, DIM, STEPS = 3, 2, 20


def draw_steps(rng, every_row):
    """For each update, the touched rows and their gradients."""
    steps = []
    for step in range(STEPS):
        rows = [r for r in range(ROWS) if every_row or rng.random() < 0.5] or [step % ROWS]
        # Now and then tiny, so that epsilon counts.
        scale = 1e-4 if step % 5 == 4 else 1.0
        steps.append({"rows": rows,
                      "gradients": [[rng.randrange(-2048, 2049) / 1024 * scale for _ in range(DIM)] for _ in rows]})
    return steps


def whole(make, start, steps, sparse=False):
    """One parameter of all rows; zeros (or a sparse gradient) for untouched rows."""
    table = nn.Parameter(torch.tensor(start))
    rule, weights = make([table]), []
    for step in steps:
        rows, values = torch.tensor(step["rows"]), torch.tensor(step["gradients"])
        if sparse:
            table.grad = torch.sparse_coo_tensor(rows.unsqueeze(0), values, table.shape)
        else:
            table.grad = torch.zeros_like(table).index_copy(0, rows, values)
        rule.step()
        weights.append(flat(table.detach()))
    return weights


def by_row(make, start, steps):
    """One parameter per row; untouched rows have no gradient and are skipped."""
    rows = [nn.Parameter(torch.tensor(row)) for row in start]
    rule, weights = make(rows), []
    for step in steps:
        for row in rows:
            row.grad = None
        for row, gradient in zip(step["rows"], step["gradients"]):
            rows[row].grad = torch.tensor(gradient)
        rule.step()
        weights.append(flat(torch.stack([row.detach() for row in rows])))
    return weights


def rules():
    """(rule as in a scenario, PyTorch's rule) of every rule with dense semantics."""
    o = torch.optim
    yield {"kind": "sgd", "learning_rate": 0.1}, lambda p: o.SGD(p, lr=0.1)
    yield {"kind": "momentum", "learning_rate": 0.05, "momentum": 0.8}, lambda p: o.SGD(p, lr=0.05, momentum=0.8)
    yield ({"kind": "nesterov", "learning_rate": 0.05, "momentum": 0.8},
           lambda p: o.SGD(p, lr=0.05, momentum=0.8, nesterov=True))
    yield ({"kind": "adagrad", "learning_rate": 0.1, "initial": 0.1, "epsilon": 1e-10},
           lambda p: o.Adagrad(p, lr=0.1, initial_accumulator_value=0.1))
    yield ({"kind": "adagrad", "learning_rate": 0.1, "initial": 0.0, "epsilon": 1e-3},
           lambda p: o.Adagrad(p, lr=0.1, eps=1e-3))
    yield ({"kind": "rmsprop", "learning_rate": 0.01, "decay": 0.9, "epsilon": 1e-3},
           lambda p: o.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-3))
    for epsilon in [1e-8, 1e-2]:
        yield {"kind": "adam", "learning_rate": 0.01, "epsilon": epsilon}, lambda p: o.Adam(p, lr=0.01, eps=epsilon)
    yield ({"kind": "adamw", "learning_rate": 0.01, "decay": 0.2},
           lambda p: o.AdamW(p, lr=0.01, weight_decay=0.2))


def optimizer_fixture():
    rng = random.Random("optimizers")
    start = [[rng.randrange(-1024, 1025) / 1024 for _ in range(DIM)] for _ in range(ROWS)]
    every, some = draw_steps(rng, True), draw_steps(rng, False)
    cases = []

    def case(rule, steps, weights):
        cases.append({"rule": rule, "steps": steps, "weights": weights})

    has_rows = {"momentum", "nesterov", "rmsprop", "adam", "adamw"}
    for rule, make in rules():
        case(rule, "every_row", whole(make, start, every))
        dense = rule | ({"rows": "dense"} if rule["kind"] in has_rows else {})
        case(dense, "some_rows", whole(make, start, some))
        lazy = rule | ({"rows": "lazy"} if rule["kind"] in has_rows else {})
        lazy |= {"scope": "row"} if rule["kind"] in {"adam", "adamw"} else {}
        case(lazy, "some_rows", by_row(make, start, some))
        if rule["kind"] in {"sgd", "adagrad"}:
            case(rule, "some_rows", whole(make, start, some, sparse=True))
    for epsilon in [1e-8, 1e-2]:
        rule = {"kind": "adam", "learning_rate": 0.01, "epsilon": epsilon, "epsilon_hat": True,
                "rows": "lazy", "scope": "global"}
        make = lambda p: torch.optim.SparseAdam(p, lr=0.01, eps=epsilon)
        case(rule, "every_row", whole(make, start, every, sparse=True))
        case(rule, "some_rows", whole(make, start, some, sparse=True))
    return {"start": start, "steps": {"every_row": every, "some_rows": some}, "cases": cases}


def write(name, fixture):
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(fixture, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    for name, (log, config) in MODELS.items():
        write(f"model_{name}", model_fixture(name, log, config))
    write("optimizers", optimizer_fixture())
    print("written with PyTorch", torch.__version__)

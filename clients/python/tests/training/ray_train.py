"""Ray Train: two workers, each a process of torch.distributed."""

import os
import sys
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch
import torch.distributed as distributed
from ray.train.torch import TorchTrainer, prepare_model

FOLDER = Path(__file__).parent


def train(config: dict[str, Any]) -> None:
    os.environ.update(config["environment"])
    sys.path.insert(0, config["folder"])
    sys.stdout = open(config["output"] + str(distributed.get_rank()), "w")  # noqa: SIM115
    from common import OPTIONS, Steps, check_resumption, client

    from mnist_batches.torch import loader

    def run(epochs: int, stop: int | None, state: Any) -> tuple[Steps, Any]:
        batches = loader(client(), **OPTIONS, with_ids=True)
        if state is not None:
            batches.load_state_dict(state)
        model = prepare_model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10)))
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        steps: Steps = []
        while batches.epoch < epochs:
            for images, labels, ids in batches:
                loss = torch.nn.functional.cross_entropy(model(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                steps.append(ids.tolist())
                if len(steps) == stop:
                    return steps, batches.state_dict()
        return steps, None

    check_resumption("Ray Train, 2 workers", run, distributed.get_rank(), distributed.get_world_size())
    sys.stdout.flush()


if __name__ == "__main__":
    output = sys.argv[1]
    variables = {name: value for name, value in os.environ.items()
                 if name in ("MNIST_BATCHES_URL", "BATCH_SIZE", "PYTHONPATH")}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    config = {"environment": variables, "folder": str(FOLDER), "output": output}
    TorchTrainer(train, train_loop_config=config,
                 scaling_config=ray.train.ScalingConfig(num_workers=2, use_gpu=False)).fit()
    for rank in range(2):
        sys.stdout.write(Path(output + str(rank)).read_text())

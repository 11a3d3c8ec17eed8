"""Runs in MLflow's own environment: takes steps as JSON lines, runs them with the real client, answers in JSON lines.

One process for all steps: importing the client takes seconds.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings

warnings.simplefilter("ignore")
_out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the client prints is not an answer

import mlflow  # noqa: E402 - after its voice was moved
from mlflow import MlflowClient  # noqa: E402


class Length(mlflow.pyfunc.PythonModel):
    """The smallest model there is."""

    def predict(self, context, model_input, params=None):
        return [len(model_input)]


def log_model(experiment: str = "0", **more: object):
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run():
        mlflow.log_param("a", 1)
        mlflow.log_metric("loss", 0.5)
        return mlflow.pyfunc.log_model(name="m", python_model=Length(), pip_requirements=[], **more)


def run(step: dict[str, str]) -> dict[str, object]:
    os.environ["MLFLOW_TRACKING_TOKEN"] = step["token"]
    mlflow.set_tracking_uri(step["uri"])
    mlflow.set_registry_uri(step["uri"])
    names = {"mlflow": mlflow, "client": MlflowClient(), "log_model": log_model, "os": os}
    try:
        exec(step["code"], names)  # noqa: S102 - the tests' own text
    except Exception as error:  # noqa: BLE001 - told to the test
        return {"error": type(error).__name__, "text": str(error), "trace": traceback.format_exc()[-2000:]}
    finally:
        while mlflow.active_run() is not None:
            try:
                mlflow.end_run()
            except Exception:  # noqa: BLE001 - a refused end; the next step starts anew
                break
    return {"result": names.get("result")}


for line in sys.stdin:
    print(json.dumps(run(json.loads(line)), default=str), file=_out, flush=True)

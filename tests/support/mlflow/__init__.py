"""MLflow for tests: nothing of it is played."""

from tests.support.mlflow.peer import Client, Refused, environment, running_client, running_server
from tests.support.mlflow.tracking import Tracking

__all__ = ["Client", "Refused", "Tracking", "environment", "running_client", "running_server"]

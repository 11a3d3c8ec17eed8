"""MLflow for tests: nothing of it is played."""

from tests.support.mlflow.peer import Client, Refused, running_client, running_server

__all__ = ["Client", "Refused", "running_client", "running_server"]

"""MLflow's tracking server and model registry, as `mlflow` 3 clients speak to it (ADR 0019)."""

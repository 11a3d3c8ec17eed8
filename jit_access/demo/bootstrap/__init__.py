"""From a bare Python to a filled `.venv`. Standard library only: nothing is installed yet when this runs."""

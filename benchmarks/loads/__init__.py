"""Load generators: wrk for small requests, clients of our own where wrk does not fit."""

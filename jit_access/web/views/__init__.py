"""Interfaces: parse the request, call one service or selector, render a view-model."""

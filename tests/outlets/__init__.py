"""Tests of outlets."""

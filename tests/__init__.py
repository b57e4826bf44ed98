"""Tests of split-dest."""

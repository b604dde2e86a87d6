"""Typical wrong answers to the exercises, and what the checks say of each."""

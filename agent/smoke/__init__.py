"""Smoke checks: what to ask, and the judgement on the answers. Pure."""

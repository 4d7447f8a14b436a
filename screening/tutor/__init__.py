"""Operator training: courses, exercises, adaptive difficulty, threat projection at work, honest statistics."""

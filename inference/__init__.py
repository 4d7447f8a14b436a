"""The torch-free runtime: from pictures and streams to verdicts."""

"""Sinks: verdicts out to files, web services and brokers, each from its own durable cursor over the ledger."""

"""Live lanes: arrival → ledger → queue → worker → verdict → publish; docs/lanes.md draws it."""

"""What officers work at: console, decisions, audit, operator training."""

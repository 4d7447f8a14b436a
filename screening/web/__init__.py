"""The console's server: pages, JSON for the desk, and news as it happens."""

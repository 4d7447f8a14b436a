"""Where the console keeps what it knows: tables, migrations, backup."""

"""Who viewed, decided and exported: an append-only record that shows when it was altered."""

"""The physics-based parcel scanner: rendered dual-energy scans with exact labels."""

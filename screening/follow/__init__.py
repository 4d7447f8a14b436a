"""Taking parcels over from the lanes: every verdict once, whatever stops and starts again."""

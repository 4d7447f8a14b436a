"""The work itself: the queue of parcels, decisions, openings, feedback."""

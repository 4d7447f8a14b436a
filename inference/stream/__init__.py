"""From a scanner's lines to parcels: protocol → views joined → calibrated → rows of belt → parcels and windows."""

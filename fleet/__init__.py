"""Where one machine is outgrown: archives on Ray Data, lanes on Ray Serve, and what many sites share."""

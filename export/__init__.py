"""From a trained network to the files an integrator embeds, with proof that they answer alike."""

"""From labelled scans to measured networks: augmentation, training, evaluation, operating points, reports."""

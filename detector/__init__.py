"""What is detected and by what: taxonomy, detections, model card, contract, network and shipped weights."""

"""Detections in one picture, with onnxruntime and OpenCV alone: python detect.py MODEL.embed.onnx PICTURE"""

import json
import sys

import cv2
import onnxruntime as ort

ort.set_default_logger_severity(3)  # it would warn that threshold_scale may be left out
session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
card = json.loads(session.get_modelmeta().custom_metadata_map["parcelsight.card"])
image = cv2.cvtColor(cv2.imread(sys.argv[2]), cv2.COLOR_BGR2RGB)  # uint8 (H, W, 3), any size
for (x1, y1, x2, y2), score, label in zip(*session.run(None, {"image": image}), strict=True):
    print(f"{card['classes'][label]['name']} {score:.3f} {x1:.1f} {y1:.1f} {x2:.1f} {y2:.1f}")

"""Detections in one picture, with OpenCV 5 alone: python detect_opencv.py MODEL.embed.onnx LABELS.txt PICTURE"""

import sys
from pathlib import Path

import cv2

net = cv2.dnn.readNetFromONNX(sys.argv[1])
names = Path(sys.argv[2]).read_text().split()
net.setInput(cv2.cvtColor(cv2.imread(sys.argv[3]), cv2.COLOR_BGR2RGB), "image")  # uint8 (H, W, 3), any size
boxes_xyxy, scores, labels = net.forward(["boxes_xyxy", "scores", "labels"])
for (x1, y1, x2, y2), score, label in zip(boxes_xyxy.reshape(-1, 4), scores.ravel(), labels.ravel(), strict=True):
    print(f"{names[label]} {score:.3f} {x1:.1f} {y1:.1f} {x2:.1f} {y2:.1f}")

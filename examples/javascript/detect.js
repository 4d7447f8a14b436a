// Detections in one picture: node detect.js MODEL.embed.onnx LABELS.txt PICTURE
import { readFile } from "node:fs/promises";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";

const [modelFile, labelsFile, pictureFile] = process.argv.slice(2);
const session = await InferenceSession.create(modelFile, { logSeverityLevel: 3 });
const names = (await readFile(labelsFile, "utf8")).trim().split("\n");

const { data, info } = await sharp(pictureFile).removeAlpha().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
const image = new Tensor("uint8", new Uint8Array(data), [info.height, info.width, 3]); // RGB, any size
const { boxes_xyxy, scores, labels } = await session.run({ image });

for (let i = 0; i < scores.data.length; i++) {
  const box = Array.from(boxes_xyxy.data.slice(4 * i, 4 * i + 4), (edge) => edge.toFixed(1));
  console.log(names[Number(labels.data[i])], scores.data[i].toFixed(3), ...box);
}

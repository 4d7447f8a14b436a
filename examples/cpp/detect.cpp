// Detections in one picture, with OpenVINO's C++ interface alone: detect MODEL.embed.onnx LABELS.txt PICTURE.ppm

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <openvino/openvino.hpp>

// A binary PPM is RGB as it stands; take whatever your scanner or image library gives instead.
static ov::Tensor read_ppm(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    std::size_t width = 0, height = 0, most = 0;
    file >> magic >> width >> height >> most;
    if (!file || magic != "P6" || most != 255 || width == 0 || height == 0 || width > 30000 || height > 30000)
        throw std::runtime_error(std::string(path) + " is no 8-bit binary PPM");
    file.get();  // the one white space before the pixels
    ov::Tensor image(ov::element::u8, {height, width, 3});  // any size
    file.read(reinterpret_cast<char*>(image.data<std::uint8_t>()), static_cast<std::streamsize>(image.get_byte_size()));
    if (!file) throw std::runtime_error(std::string(path) + " ends early");
    return image;
}

int main(int argc, char** argv) try {
    if (argc != 4) throw std::runtime_error("usage: detect MODEL.embed.onnx LABELS.txt PICTURE.ppm");
    std::ifstream lines(argv[2]);
    std::vector<std::string> names;
    for (std::string line; std::getline(lines, line);) names.push_back(line);

    ov::Core core;
    // Without the hint OpenVINO computes in bfloat16 where the CPU can.
    auto model = core.compile_model(argv[1], "CPU", ov::hint::inference_precision(ov::element::f32));
    auto request = model.create_infer_request();
    request.set_tensor("image", read_ppm(argv[3]));
    request.infer();

    const ov::Tensor found = request.get_tensor("scores");
    const auto* scores = found.data<float>();
    const auto* boxes_xyxy = request.get_tensor("boxes_xyxy").data<float>();
    const auto* labels = request.get_tensor("labels").data<std::int64_t>();
    for (std::size_t i = 0; i < found.get_size(); ++i) {
        const auto* box = boxes_xyxy + 4 * i;
        std::printf("%s %.3f %.1f %.1f %.1f %.1f\n", names.at(labels[i]).c_str(), scores[i], box[0], box[1], box[2], box[3]);
    }
    return EXIT_SUCCESS;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
}

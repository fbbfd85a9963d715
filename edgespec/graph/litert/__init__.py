"""LiteRT's own file of an ONNX file: the graph as a torch module, and Google's converter (litert-torch), which takes no other form."""

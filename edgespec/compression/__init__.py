"""What makes a network smaller (`pruning`) and its numbers shorter (`quantization`)."""

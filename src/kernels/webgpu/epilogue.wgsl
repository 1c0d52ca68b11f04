
// The epilogue of a sum, before it is stored: y = scale * activation(sum + bias + addend) + shift.
// The activation is 0 for none, 1 for ReLU, 2 for ReLU6.
fn store_one(position: u32, channel: u32, sum: f32) {
    if (channel < info.outputs) {
        var value = sum + epilogue[channel];
{{ addend }}
        if (info.activation != 0u) {
            value = max(value, 0.0);
        }
        if (info.activation == 2u) {
            value = min(value, 6.0);
        }
        value = fma(value, epilogue[4u * info.columns + channel], epilogue[8u * info.columns + channel]);
        output[position * info.outputs + channel] = value;
    }
}

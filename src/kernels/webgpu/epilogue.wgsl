
// What happens to a sum before it is stored: y = scale * relu(sum + bias + addend) + shift.
fn store_one(position: u32, channel: u32, sum: f32) {
    if (channel < info.outputs) {
        var value = sum + epilogue[channel];
{{ addend }}
        if (info.relu == 1u) {
            value = max(value, 0.0);
        }
        value = fma(value, epilogue[4u * info.columns + channel], epilogue[8u * info.columns + channel]);
        output[position * info.outputs + channel] = value;
    }
}

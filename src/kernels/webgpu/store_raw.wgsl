
fn store_one(position: u32, channel: u32, sum: f32) {
    if (channel < info.outputs) {
        output[position * info.outputs + channel] = sum{{ restore }};
    }
}

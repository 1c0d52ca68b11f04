
// Where the addend for a position of the output is: there, or in a quarter of so many positions.
fn addend_position(position: u32) -> u32 {
    if (info.addend_scale == 1u) {
        return position;
    }
    let height = {{ height }};
    let width = {{ width }};
    let x = position % width;
    let rest = position / width;
    let y = rest % height;
    return ((rest / height) * (height / 2u) + y / 2u) * (width / 2u) + x / 2u;
}


// For adapters that are a program on a processor: there a vector is four invocations wide, every
// load costs as much as a score of multiplications, and workgroup memory is nothing but memory. So
// four neighbours share what each of them loads, and nothing is staged.
@compute @workgroup_size(4)
fn main(
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>,
) {
    let z = group.z;
    let first_row = group.x * {{ tile_rows }}u;
    let column = group.y * {{ tile_columns }}u + lane;
    let weights_start = z * info.weights_z + min(column, info.columns - 1u);
    let activations_start = i32(z * info.activations_z);
{{ setup }}
    for (var y = 0u; y < info.taps; y++) {
        for (var x = 0u; x < info.taps; x++) {
{{ places }}
            var weight = weights_start + (y * info.taps + x) * 4u * info.inputs * info.columns;
            for (var k = 0; k < i32(info.inputs); k++) {
{{ products }}
                weight += 4u * info.columns;
            }
        }
    }
{{ results }}
}

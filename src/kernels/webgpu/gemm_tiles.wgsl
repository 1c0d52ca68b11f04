
// For graphics processors: a workgroup of {{ threads }} invocations stages {{ threads }} rows and 64 columns, 16
// channels at a time, and each invocation makes 8 rows of 8 columns.
var<workgroup> staged_rows: array<vec4<{{ factor }}>, {{ staged }}>;
var<workgroup> staged_columns: array<vec4<{{ factor }}>, 256>;

@compute @workgroup_size({{ threads }})
fn main(
    @builtin(local_invocation_index) thread: u32,
    @builtin(workgroup_id) group: vec3<u32>,
) {
    let z = group.z;
    let first_row = group.x * {{ threads }}u;
    let first_column = group.y * 16u;
    let row = thread >> 3u;
    let column = thread & 7u;
    let start = origin(min(first_row + thread, info.rows - 1u), z);
    let activations_start = i32(z * info.activations_z);
{{ setup }}
    for (var y = 0u; y < info.taps; y++) {
        for (var x = 0u; x < info.taps; x++) {
            let at = place(start, y, x);
            let weight = z * info.weights_z + (y * info.taps + x) * 4u * info.inputs * info.columns;
            for (var k = 0u; k < info.inputs; k += 4u) {
                for (var i = 0u; i < 4u; i++) {
                    var value = vec4<{{ factor }}>();
                    if (at >= 0 && k + i < info.inputs) {
                        value = vec4<{{ factor }}>(activations[activations_start + at + i32(k + i)]);
                    }
                    staged_rows[thread * 5u + i] = value;
                }
                for (var i = thread; i < 256u; i += {{ threads }}u) {
                    let channel = 4u * k + (i >> 4u);
                    let at_column = first_column + (i & 15u);
                    var value = vec4<{{ factor }}>();
                    if (channel < 4u * info.inputs && at_column < info.columns) {
                        value = weights[weight + channel * info.columns + at_column];
                    }
                    staged_columns[i] = value;
                }
                workgroupBarrier();
                for (var i = 0u; i < 4u; i++) {
{{ products }}
                }
                workgroupBarrier();
            }
        }
    }
{{ results }}
}

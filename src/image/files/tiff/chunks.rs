//! The samples of a page: its strips or tiles unpacked and put together. The decoder of the `tiff` crate
//! knows neither palettes, fill orders, alpha beside gray, Lab, nor depths such as 12 bits, and panics on
//! planar tiles (image-rs/image-tiff); compression is undone by the crates that it uses.

use super::directory::TiffFile;
use super::fax::{self, Coding};
use super::layout::{Compression, Format, Layout, damaged};
use crate::error::{Error, Result};
use crate::image::buffers::try_with_capacity;
use std::io::Read;
use weezl::{BitOrder, LzwStatus};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Samples as they are stored, row by row, those of a pixel together.
pub(super) enum Stored {
    /// Up to 8 bits.
    U8(Vec<u8>),
    /// 9 to 16 bits.
    U16(Vec<u16>),
    /// All others, as far as they are numbers.
    Real(Vec<f32>),
}

/// Reads the samples of a page; the number is that of chunks that are not whole.
///
/// # Errors
/// [`Error::ImageDecode`] where none is whole.
pub(super) fn read(file: &mut TiffFile, layout: &Layout) -> Result<(Stored, usize)> {
    let bits = layout.bits as usize;
    Ok(match (layout.format, bits) {
        (Format::Unsigned, 8) => {
            let (samples, lost) = assemble(file, layout, &|row, line: &mut [u8]| {
                line.copy_from_slice(&row[..line.len()]);
            })?;
            (Stored::U8(samples), lost)
        }
        (Format::Unsigned, ..8) => {
            let (samples, lost) = assemble(file, layout, &|row, line: &mut [u8]| {
                line.iter_mut()
                    .enumerate()
                    .for_each(|(i, sample)| *sample = packed(row, i * bits, bits) as u8);
            })?;
            (Stored::U8(samples), lost)
        }
        (Format::Unsigned, 16) => {
            let (samples, lost) = assemble(file, layout, &|row, line: &mut [u16]| {
                let (pairs, _) = row.as_chunks();
                line.iter_mut().zip(pairs).for_each(|(sample, pair)| *sample = u16::from_ne_bytes(*pair));
            })?;
            (Stored::U16(samples), lost)
        }
        (Format::Unsigned, ..16) => {
            let (samples, lost) = assemble(file, layout, &|row, line: &mut [u16]| {
                line.iter_mut().enumerate().for_each(|(i, sample)| *sample = packed(row, i * bits, bits));
            })?;
            (Stored::U16(samples), lost)
        }
        (format, _) => {
            let (samples, lost) = assemble(file, layout, &|row, line: &mut [f32]| {
                for (sample, bytes) in line.iter_mut().zip(row.chunks_exact(bits / 8)) {
                    *sample = real(format, bytes);
                }
            })?;
            (Stored::Real(samples), lost)
        }
    })
}

/// A number of at most 16 bits that begins at any bit.
fn packed(row: &[u8], at: usize, bits: usize) -> u16 {
    let byte = |index| u32::from(row.get(index).copied().unwrap_or(0));
    let first = at / 8;
    let window = byte(first) << 16 | byte(first + 1) << 8 | byte(first + 2);
    (window >> (24 - at % 8 - bits) & ((1 << bits) - 1)) as u16
}

fn real(format: Format, bytes: &[u8]) -> f32 {
    match (format, bytes) {
        (Format::Signed, &[a]) => f32::from(a as i8),
        (Format::Signed, &[a, b]) => f32::from(i16::from_ne_bytes([a, b])),
        (Format::Signed, &[a, b, c, d]) => i32::from_ne_bytes([a, b, c, d]) as f32,
        (Format::Unsigned, &[a, b, c, d]) => u32::from_ne_bytes([a, b, c, d]) as f32,
        (Format::Float, &[a, b]) => half::f16::from_ne_bytes([a, b]).to_f32(),
        (Format::Float, &[a, b, c, d]) => f32::from_ne_bytes([a, b, c, d]),
        (Format::Float, bytes) => f64::from_ne_bytes(bytes.try_into().unwrap_or_default()) as f32,
        _ => 0.0,
    }
}

/// Puts chunks together; `unpack` makes samples of a row's bytes.
fn assemble<T: Copy + Default>(
    file: &mut TiffFile,
    layout: &Layout,
    unpack: &dyn Fn(&[u8], &mut [T]),
) -> Result<(Vec<T>, usize)> {
    let Layout { width, height, samples, chunk: (chunk_width, chunk_height), .. } = *layout;
    let mut all = try_with_capacity(width * height * samples)?;
    all.resize(width * height * samples, T::default());
    let of_chunk = layout.chunk_samples();
    let (across, down) = (width.div_ceil(chunk_width), height.div_ceil(chunk_height));
    let row_bytes = layout.row_bytes();
    let mut line = vec![T::default(); chunk_width.min(width) * of_chunk];
    let mut lost = 0;
    for index in 0..layout.chunks.len() {
        let (plane, place) = (index / (across * down), index % (across * down));
        let (left, top) = (place % across * chunk_width, place / across * chunk_height);
        let visible = chunk_height.min(height - top);
        let bytes = unpacked(file, layout, index, if layout.tiled { chunk_height } else { visible })?;
        let whole = (bytes.len() / row_bytes).min(visible);
        lost += usize::from(whole < visible);
        let pixels = chunk_width.min(width - left);
        for (y, row) in bytes.chunks_exact(row_bytes).take(whole).enumerate() {
            let line = &mut line[..pixels * of_chunk];
            unpack(row, line);
            let target = &mut all[((top + y) * width + left) * samples..][..pixels * samples];
            if of_chunk == samples {
                target.copy_from_slice(line);
            } else {
                target.iter_mut().skip(plane).step_by(samples).zip(line).for_each(|(to, from)| *to = *from);
            }
        }
    }
    if lost == layout.chunks.len() {
        return Err(damaged("pixel data"));
    }
    Ok((all, lost))
}

/// The rows of a chunk, as many as its data give, numbers in the byte order of this machine.
fn unpacked(file: &mut TiffFile, layout: &Layout, index: usize, rows: usize) -> Result<Vec<u8>> {
    let (offset, length) = layout.chunks[index];
    let mut data = file.bytes_at(offset, length).unwrap_or_default();
    if layout.low_bit_first && layout.compression != Compression::Jpeg {
        data.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    }
    let row_bytes = layout.row_bytes();
    let (across, down) = layout.subsampling;
    let shares_chroma = layout.subsampling != (1, 1) && layout.compression != Compression::Jpeg;
    let expected = if shares_chroma {
        layout.chunk.0.div_ceil(across) * rows.div_ceil(down) * (across * down + 2)
    } else {
        row_bytes * rows
    };
    let coded = |coding| {
        let mut bits = try_with_capacity(expected)?;
        bits.resize(expected, 0);
        let whole = fax::unpack(&data, coding, layout.chunk.0, rows, &mut bits);
        bits.truncate(whole * row_bytes);
        Ok::<_, Error>(bits)
    };
    let mut bytes = match layout.compression {
        Compression::Aligned => coded(Coding::Aligned)?,
        Compression::Group3 { two_dimensional } => coded(Coding::Group3 { two_dimensional })?,
        Compression::Group4 => coded(Coding::Group4)?,
        Compression::None => {
            data.truncate(expected);
            data
        }
        Compression::Lzw => lzw(&data, expected)?,
        Compression::Deflate => {
            let mut bytes = try_with_capacity(expected)?;
            // What was unpacked before the damage stays.
            let _ = flate2::read::ZlibDecoder::new(&data[..]).take(expected as u64).read_to_end(&mut bytes);
            bytes
        }
        Compression::PackBits => pack_bits(&data, expected)?,
        Compression::Jpeg => jpeg(&data, layout, rows).unwrap_or_default(),
    };
    if shares_chroma {
        bytes = with_chroma_of_their_own(&bytes, layout.chunk.0, rows, layout.subsampling);
    }
    let number_bytes = if layout.bits.is_multiple_of(8) { layout.bits as usize / 8 } else { 1 };
    let swapped = layout.little_endian != cfg!(target_endian = "little");
    if swapped && !(layout.is_predicted() && layout.predictor == 3) {
        bytes.chunks_exact_mut(number_bytes).for_each(<[u8]>::reverse);
    }
    if layout.is_predicted() {
        for row in bytes.chunks_exact_mut(row_bytes) {
            match layout.predictor {
                2 => undo_differences(row, number_bytes, layout.chunk_samples()),
                _ => undo_float_predictor(row, number_bytes, layout.chunk_samples()),
            }
        }
    }
    Ok(bytes)
}

/// LZW as TIFF has it since 1988, and the variant of before, whose lowest bits come first.
fn lzw(data: &[u8], expected: usize) -> Result<Vec<u8>> {
    use weezl::decode::Configuration;
    let is_old = data.len() > 1 && data[0] == 0 && data[1] & 1 == 1;
    let configuration = if is_old {
        Configuration::new(BitOrder::Lsb, 8)
    } else {
        Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
    };
    let mut decoder = configuration.with_yield_on_full_buffer(true).build();
    let mut bytes = try_with_capacity(expected)?;
    bytes.resize(expected, 0);
    let (mut from, mut to) = (0, 0);
    while to < expected {
        let step = decoder.decode_bytes(&data[from..], &mut bytes[to..]);
        from += step.consumed_in;
        to += step.consumed_out;
        if !matches!(step.status, Ok(LzwStatus::Ok)) {
            break;
        }
    }
    bytes.truncate(to);
    Ok(bytes)
}

fn pack_bits(data: &[u8], expected: usize) -> Result<Vec<u8>> {
    let mut bytes: Vec<u8> = try_with_capacity(expected)?;
    let mut rest = data;
    while let [head, after @ ..] = rest {
        let room = expected - bytes.len();
        let count = usize::from(*head);
        match (count, after) {
            _ if room == 0 => break,
            (..128, _) => {
                let run = &after[..after.len().min(count + 1)];
                bytes.extend_from_slice(&run[..run.len().min(room)]);
                rest = &after[run.len()..];
            }
            (128, _) => rest = after,
            (_, [value, after @ ..]) => {
                bytes.extend(std::iter::repeat_n(*value, (257 - count).min(room)));
                rest = after;
            }
            _ => break,
        }
    }
    Ok(bytes)
}

/// The rows of a JPEG stream; its tables may stand in a field of the directory.
fn jpeg(data: &[u8], layout: &Layout, rows: usize) -> Option<Vec<u8>> {
    let mut stream = Vec::new();
    if let Some(tables) = &layout.jpeg_tables {
        // All but the mark of the end, then all but the mark of the start.
        stream.extend_from_slice(tables.strip_suffix(b"\xFF\xD9").unwrap_or(tables));
        stream.extend_from_slice(data.strip_prefix(b"\xFF\xD8").unwrap_or(data));
    } else {
        stream.extend_from_slice(data);
    }
    let options = DecoderOptions::default().set_max_width(1 << 16).set_max_height(1 << 16);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(stream), options);
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    let components = decoder.input_colorspace()?.num_components();
    if width > 2 * layout.chunk.0 || height > 2 * layout.chunk.1 || components != layout.chunk_samples() {
        return None;
    }
    // The directory says what the components mean, not the stream.
    decoder.set_options(options.jpeg_set_out_colorspace(decoder.input_colorspace()?));
    let pixels = decoder.decode().ok()?;
    let row_bytes = layout.row_bytes();
    if width == layout.chunk.0 {
        return Some(pixels);
    }
    let mut bytes = vec![0; row_bytes * rows.min(height)];
    for (to, from) in bytes.chunks_exact_mut(row_bytes).zip(pixels.chunks_exact(width * components)) {
        let shared = row_bytes.min(from.len());
        to[..shared].copy_from_slice(&from[..shared]);
    }
    Some(bytes)
}

/// Three samples per pixel, of units of `across` x `down` lightnesses and one pair of chroma samples.
fn with_chroma_of_their_own(
    units: &[u8],
    width: usize,
    rows: usize,
    (across, down): (usize, usize),
) -> Vec<u8> {
    let of_unit = across * down + 2;
    let per_row = width.div_ceil(across);
    let whole = (units.len() / (of_unit * per_row) * down).min(rows);
    let mut bytes = Vec::with_capacity(whole * width * 3);
    for y in 0..whole {
        for x in 0..width {
            let unit = &units[(y / down * per_row + x / across) * of_unit..][..of_unit];
            bytes.extend([unit[y % down * across + x % across], unit[of_unit - 2], unit[of_unit - 1]]);
        }
    }
    bytes
}

/// Adds up a row whose samples are stored as differences from their left neighbours.
fn undo_differences(row: &mut [u8], number_bytes: usize, samples: usize) {
    let step = number_bytes * samples;
    for at in (step..row.len()).step_by(number_bytes) {
        match number_bytes {
            1 => row[at] = row[at].wrapping_add(row[at - step]),
            2 => {
                let number = |at: usize| u16::from_ne_bytes([row[at], row[at + 1]]);
                let sum = number(at).wrapping_add(number(at - step));
                row[at..at + 2].copy_from_slice(&sum.to_ne_bytes());
            }
            _ => {
                let number = |at: usize| u32::from_ne_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
                let sum = number(at).wrapping_add(number(at - step));
                row[at..at + 4].copy_from_slice(&sum.to_ne_bytes());
            }
        }
    }
}

/// Puts numbers together whose bytes are stored in planes, the highest first, as differences.
fn undo_float_predictor(row: &mut [u8], number_bytes: usize, samples: usize) {
    for at in samples..row.len() {
        row[at] = row[at].wrapping_add(row[at - samples]);
    }
    let planes = row.to_vec();
    let count = row.len() / number_bytes;
    for (index, number) in row.chunks_exact_mut(number_bytes).enumerate() {
        for (place, byte) in number.iter_mut().enumerate() {
            let plane = if cfg!(target_endian = "little") { number_bytes - 1 - place } else { place };
            *byte = planes[plane * count + index];
        }
    }
}

//! Bytes as text that a data block of HTML holds.

use anyhow::Result;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

/// Stands before a letter that would not come through: HTML's parser changes NUL and CR, and `<` may
/// end the block.
const ESCAPE: u8 = 0x7f;

/// XORed with an escaped letter.
const ESCAPED: u8 = 0x40;

/// Deflated, then seven bits a letter: an eighth more, where base64 takes a third. ASCII alone, so
/// that it does not matter which encoding a host or a browser takes the page to have.
/// `pkg-build/standalone/parts.js` reads it.
pub fn pack(bytes: &[u8]) -> Result<String> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(letters(&encoder.finish()?))
}

fn letters(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 6 / 5);
    let mut put = |letter: u8| {
        if matches!(letter, 0 | b'\r' | b'<' | ESCAPE) {
            text.extend([ESCAPE, letter ^ ESCAPED].map(char::from));
        } else {
            text.push(letter.into());
        }
    };
    let (mut bits, mut count) = (0_u32, 0);
    for &byte in bytes {
        bits = bits << 8 | u32::from(byte);
        count += 8;
        while count >= 7 {
            count -= 7;
            put((bits >> count & 0x7f) as u8);
        }
    }
    if count > 0 {
        put((bits << (7 - count) & 0x7f) as u8);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `parts.js` does it.
    fn bytes(text: &str) -> Vec<u8> {
        let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
        let mut letters = text.bytes();
        while let Some(letter) = letters.next() {
            let septet = if letter == ESCAPE { letters.next().unwrap() ^ ESCAPED } else { letter };
            bits = bits << 7 | u32::from(septet);
            count += 7;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
                bits &= (1 << count) - 1;
            }
        }
        bytes
    }

    #[test]
    fn letters_are_safe_in_html_and_give_back_every_byte() {
        for length in 0..300_usize {
            let original: Vec<u8> = (0..length).map(|i| (i * i * 31 + length * 7) as u8).collect();
            let text = letters(&original);
            assert!(text.is_ascii() && !text.contains(['\0', '\r', '<']));
            assert_eq!(bytes(&text), original);
        }
    }
}

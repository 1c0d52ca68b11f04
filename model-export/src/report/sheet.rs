//! Contact sheets: the same photograph several ways, side by side.

use anyhow::Result;
use autochrome::image::files::{self, FileFormat, FileMetadata};
use autochrome::image::photo::Photo;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use std::io::Cursor;

/// Longest side of a thumbnail, in pixels: sharp on the dense display of a phone.
const SIDE: usize = 224;

/// JPEG quality: colours are what is looked at.
const QUALITY: u8 = 85;

/// A small picture, ready to stand in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// A data URI.
    source: String,
    width: usize,
    height: usize,
}

impl Thumbnail {
    /// Of a photograph of any size; alpha is shown over white.
    ///
    /// # Errors
    /// Where it cannot be encoded.
    pub fn new(photo: &Photo) -> Result<Self> {
        let small = photo.preview(SIDE);
        let photo = small.as_ref().unwrap_or(photo);
        let mut jpeg = Cursor::new(Vec::new());
        let format = FileFormat::Jpeg { quality: QUALITY };
        files::encode(photo, &FileMetadata::default(), format, &mut jpeg)?;
        let source = format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg.into_inner()));
        Ok(Self { source, width: photo.width(), height: photo.height() })
    }
}

/// Thumbnails of one photograph.
pub struct Row {
    /// The photograph's name.
    pub name: String,
    /// Its caption.
    pub note: String,
    /// One for each column.
    pub thumbnails: Vec<Thumbnail>,
}

/// Photographs under each other, the ways each is shown beside each other.
pub struct Sheet {
    /// Headings of the thumbnails of a row, from left to right.
    pub columns: Vec<String>,
    /// The photographs.
    pub rows: Vec<Row>,
}

impl Sheet {
    pub(super) fn list(&self) -> Markup {
        html! {
            p { "From left to right: " (self.columns.join(", ")) "." }
            ul.sheet {
                @for row in &self.rows {
                    li {
                        figure {
                            div.strip {
                                @for (column, thumbnail) in self.columns.iter().zip(&row.thumbnails) {
                                    img src=(thumbnail.source) alt={ (row.name) ", " (column) }
                                        width=(thumbnail.width) height=(thumbnail.height);
                                }
                            }
                            figcaption { (row.name) @if !row.note.is_empty() { br; (row.note) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autochrome::image::photo::{Channels, Samples};

    #[test]
    fn a_thumbnail_is_a_small_jpeg_of_the_same_shape() {
        let photo = Photo::new(1000, 500, Channels::Gray, Samples::U16(vec![30_000; 500_000])).unwrap();
        let thumbnail = Thumbnail::new(&photo).unwrap();
        let data = thumbnail.source.strip_prefix("data:image/jpeg;base64,").unwrap();
        let decoded = files::decode(Cursor::new(STANDARD.decode(data).unwrap())).unwrap().photo;
        assert_eq!((decoded.width(), decoded.height()), (SIDE, SIDE / 2));
        assert_eq!((thumbnail.width, thumbnail.height), (SIDE, SIDE / 2));
    }

    #[test]
    fn every_picture_of_a_sheet_says_what_it_shows() {
        let photo = Photo::new(1, 1, Channels::Gray, Samples::U8(vec![7])).unwrap();
        let thumbnails = vec![Thumbnail::new(&photo).unwrap(); 2];
        let row = Row { name: "a.png".to_owned(), note: "error 3.0".to_owned(), thumbnails };
        let sheet = Sheet { columns: vec!["gray".to_owned(), "truth".to_owned()], rows: vec![row] };
        let html = sheet.list().into_string();
        for part in
            ["From left to right: gray, truth.", "alt=\"a.png, gray\"", "alt=\"a.png, truth\"", "error 3.0"]
        {
            assert!(html.contains(part), "{part}: {html}");
        }
    }
}

//! Reports as HTML pages in one file: tables, plots and contact sheets, no scripts, nothing fetched.
//! All text that is given is escaped.

pub mod plot;
pub mod sheet;

use crate::output::write_whole;
use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use plot::Plot;
use sheet::Sheet;
use std::path::Path;

const STYLE: &str = include_str!("page.css");

/// A page, filled from top to bottom.
pub struct Page {
    title: String,
    content: Vec<Markup>,
}

/// Rows under a header. The first cell of a row names it; the others are figures.
pub struct Table {
    /// Its content, and how to read it.
    pub caption: String,
    /// Names of the columns, the first one's among them.
    pub columns: Vec<String>,
    /// As many cells to a row as there are columns. Lines of a cell stay lines.
    pub rows: Vec<Vec<String>>,
}

impl Page {
    /// An empty page.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), content: Vec::new() }
    }

    /// A heading.
    pub fn section(&mut self, title: &str) {
        self.content.push(html! { h2 { (title) } });
    }

    /// A heading below one of [`Page::section`].
    pub fn subsection(&mut self, title: &str) {
        self.content.push(html! { h3 { (title) } });
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.content.push(html! { p { (text) } });
    }

    /// A paragraph that must not be overlooked.
    pub fn warning(&mut self, text: &str) {
        self.content.push(html! { p.warning { strong { "Note: " } (text) } });
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        self.content.push(html! {
            figure {
                figcaption { (table.caption) }
                // A table wider than a phone scrolls by itself, by keyboard too.
                div.scroll role="region" aria-label=(table.caption) tabindex="0" {
                    table aria-label=(table.caption) {
                        thead { tr { @for name in &table.columns { th scope="col" { (name) } } } }
                        tbody {
                            @for row in &table.rows {
                                tr {
                                    @for (i, cell) in row.iter().enumerate() {
                                        @if i == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        });
    }

    /// Terms, each with what it means.
    pub fn definitions<'a>(&mut self, terms: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.content.push(html! {
            dl { @for (term, meaning) in terms { dt { (term) } dd { (meaning) } } }
        });
    }

    /// A plot with its legend and caption.
    ///
    /// # Errors
    /// Where it cannot be drawn.
    pub fn plot(&mut self, plot: &Plot) -> Result<()> {
        self.content.push(plot.figure()?);
        Ok(())
    }

    /// A contact sheet.
    pub fn sheet(&mut self, sheet: &Sheet) {
        self.content.push(sheet.list());
    }

    /// The page as HTML.
    pub fn html(&self) -> String {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        h1 { (self.title) }
                        @for part in &self.content { (part) }
                    }
                    footer { p { "Made by autochrome " (env!("CARGO_PKG_VERSION")) } }
                }
            }
        }
        .into_string()
    }

    /// Writes the page to a file, all or nothing. Missing folders are made.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_whole(path, |out| Ok(out.write_all(self.html().as_bytes())?))
    }
}

#[cfg(test)]
mod tests {
    use super::plot::{Axis, Series};
    use super::sheet::{Row, Thumbnail};
    use super::*;
    use autochrome::image::photo::{Channels, Photo, Samples};

    /// A file name that would run where it is not escaped.
    const HOSTILE: &str = "\"><script>alert('&')</script><img src=x onerror=alert(1)>.jpg";

    #[test]
    fn hostile_names_stay_text_wherever_they_appear() {
        let mut page = Page::new(HOSTILE);
        page.section(HOSTILE);
        page.subsection(HOSTILE);
        page.paragraph(HOSTILE);
        page.warning(HOSTILE);
        page.definitions([(HOSTILE, HOSTILE)]);
        let text = || HOSTILE.to_owned();
        page.table(&Table {
            caption: text(),
            columns: vec![text(), text()],
            rows: vec![vec![text(), text()]],
        });
        let axis = || Axis { label: text(), logarithmic: false };
        let series = vec![Series { name: text(), points: vec![[0.0, 1.0], [1.0, 2.0]], markers: true }];
        page.plot(&Plot { caption: text(), x: axis(), y: axis(), series }).unwrap();
        let photo = Photo::new(2, 1, Channels::Gray, Samples::U8(vec![0, 255])).unwrap();
        page.sheet(&Sheet {
            columns: vec![text()],
            rows: vec![Row { name: text(), note: text(), thumbnails: vec![Thumbnail::new(&photo).unwrap()] }],
        });
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
        assert!(!html.contains("alert('&')"), "an ampersand is not escaped");
        assert!(html.matches("&lt;script&gt;").count() >= 12);
    }

    #[test]
    fn a_page_needs_nothing_from_elsewhere() {
        let html = Page::new("Report").html();
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"));
        for reference in ["src=\"http", "href=", "url(", "@import", "<script"] {
            assert!(!html.contains(reference), "{reference}");
        }
    }
}

//! The page's Content-Security-Policy. `index.html` states it; what else must say it reads it there.

use anyhow::{Context, Result};
use lol_html::{RewriteStrSettings, element, rewrite_str};
use std::fmt;
use std::path::Path;

/// Where a page states its policy.
pub const SELECTOR: &str = "meta[http-equiv=Content-Security-Policy]";

/// Directives with their sources.
#[derive(Clone)]
pub struct Policy(Vec<(String, String)>);

impl Policy {
    /// The policy that a page states.
    pub fn of_page(html: &str) -> Result<Self> {
        let mut stated = None;
        let handler = element!(SELECTOR, |meta| {
            stated = meta.get_attribute("content");
            Ok(())
        });
        rewrite_str(html, RewriteStrSettings::new().append_element_content_handler(handler))?;
        let stated = stated.context("the page states no Content-Security-Policy")?;
        let split = |directive: &str| {
            let (name, sources) = directive.split_once(' ').unwrap_or((directive, ""));
            (name.to_owned(), sources.trim().to_owned())
        };
        Ok(Self(stated.split(';').map(|directive| split(directive.trim())).collect()))
    }

    /// The same as a header of every answer. It covers the worker too, and says what a page cannot
    /// say of itself.
    pub fn of_site(folder: &Path) -> Result<Self> {
        let page = folder.join("index.html");
        let html =
            std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        Ok(Self::of_page(&html)?.with("frame-ancestors", "'self'"))
    }

    /// With other sources for one directive.
    pub fn with(mut self, name: &str, sources: &str) -> Self {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = sources.to_owned(),
            None => self.0.push((name.to_owned(), sources.to_owned())),
        }
        self
    }

    /// Without a directive: what `default-src` says holds.
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directives: Vec<String> =
            self.0.iter().map(|(name, sources)| format!("{name} {sources}")).collect();
        f.write_str(&directives.join("; "))
    }
}

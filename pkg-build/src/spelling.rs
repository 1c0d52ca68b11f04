//! Misspelt words in code, comments and documents, and American spelling in their prose, by the lists that
//! the `typos` project keeps. They are lists of what is wrong, so terms of the field need none of their own.

use anyhow::{Result, bail};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use typos::tokens::{Case, Identifier, Tokenizer, Word};
use typos::{Dictionary, Status};
use typos_vars::Category;
use unicase::UniCase;
use walkdir::{DirEntry, WalkDir};

/// Words that are right here, one a line.
const ALLOWED: &str = include_str!("../spelling.txt");

/// Ends of the names of files that people write.
const WRITTEN: [&str; 10] = ["rs", "js", "ts", "css", "html", "md", "toml", "wgsl", "py", "webmanifest"];

/// Folders that are built, installed or data, and what speaks other languages than English.
const SKIPPED: [&str; 7] = ["target", "dist", "node_modules", "goldens", "fixtures", "corpus", "messages"];

/// Fails with the place of every word that is spelt wrongly in the repository.
pub fn check(root: &Path) -> Result<()> {
    let words = Words::new(ALLOWED);
    let mut found = Vec::new();
    let read = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || SKIPPED.contains(&&*name))
    };
    for entry in WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(read) {
        let entry = entry?;
        let end = entry.path().extension().unwrap_or_default().to_string_lossy();
        if entry.file_type().is_file() && WRITTEN.contains(&&*end) {
            let path = entry.path().strip_prefix(root)?.display();
            let text = fs::read_to_string(entry.path())?;
            let american = words.american(&prose(&text, &end));
            let wrong = words.misspelt(&text).into_iter().chain(american);
            found.extend(wrong.map(|(line, word)| format!("{path}:{line}: {word}")));
        }
    }
    if !found.is_empty() {
        bail!("misspelt (what is right goes into pkg-build/spelling.txt):\n{}", found.join("\n"));
    }
    Ok(())
}

/// Words that are right, before all that is known to be wrong.
struct Words {
    allowed: HashSet<UniCase<&'static str>>,
    tokenizer: Tokenizer,
}

/// A line, and the word that is wrong there with those that may be meant.
type Fault = (usize, String);

impl Words {
    fn new(allowed: &'static str) -> Self {
        Self { allowed: allowed.lines().map(UniCase::new).collect(), tokenizer: Tokenizer::new() }
    }

    /// Misspelt words, those in names among them.
    fn misspelt(&self, text: &str) -> Vec<Fault> {
        self.faults(text, &Misspelt(self))
    }

    /// Words of prose that are right in America only.
    fn american(&self, prose: &str) -> Vec<Fault> {
        self.faults(prose, &American(self))
    }

    fn faults(&self, text: &str, dictionary: &dyn Dictionary) -> Vec<Fault> {
        let fault = |typo: typos::Typo<'_>| {
            let line = 1 + text[..typo.byte_offset].matches('\n').count();
            let meant = match typo.corrections {
                Status::Corrections(words) => format!(" ({}?)", words.join(", ")),
                Status::Valid | Status::Invalid => String::new(),
            };
            (line, format!("{}{meant}", typo.typo))
        };
        typos::check_str(text, &self.tokenizer, dictionary).map(fault).collect()
    }

    fn allows(&self, word: Word<'_>) -> bool {
        word.case() == Case::None || self.allowed.contains(&UniCase::new(word.token()))
    }
}

struct Misspelt<'a>(&'a Words);

impl Dictionary for Misspelt<'_> {
    fn correct_ident<'s>(&'s self, _: Identifier<'_>) -> Option<Status<'s>> {
        None
    }

    fn correct_word<'s>(&'s self, word: Word<'_>) -> Option<Status<'s>> {
        let meant = typos_dict::WORD.find(&UniCase::new(word.token()))?;
        let meant = meant.iter().map(|word| (*word).into()).collect();
        (!self.0.allows(word)).then_some(Status::Corrections(meant))
    }
}

struct American<'a>(&'a Words);

impl Dictionary for American<'_> {
    /// Names are spelt as they are declared.
    fn correct_ident<'s>(&'s self, name: Identifier<'_>) -> Option<Status<'s>> {
        let mut letters = name.token().chars();
        letters.next();
        (!letters.all(|letter| letter.is_lowercase())).then_some(Status::Valid)
    }

    fn correct_word<'s>(&'s self, word: Word<'_>) -> Option<Status<'s>> {
        let variants = typos_vars::VARS.find(&UniCase::new(word.token()))?;
        let british = |(categories, _): &&(u8, _)| {
            typos_vars::CategorySet::from_bits(*categories)
                .is_ok_and(|set| set.contains(Category::BritishIse))
        };
        if self.0.allows(word) || variants.iter().any(|variant| british(&variant)) {
            return None;
        }
        let meant = variants.iter().flat_map(|(_, options)| {
            typos_vars::corrections(Category::BritishIse, **options).iter().map(|word| (*word).into())
        });
        Some(Status::Corrections(meant.collect()))
    }
}

/// Comments of code, and documents without their code: all else is blank, so that places stay.
fn prose(text: &str, end: &str) -> String {
    let (mut fenced, mut commented) = (false, false);
    let mut prose = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let code = match end {
            "md" => {
                let fence = line.trim_start().starts_with("```");
                fenced ^= fence;
                (!fenced && !fence).then_some(0)
            }
            "toml" | "py" => line.find('#'),
            _ => {
                let opened = after_space(line, "/*");
                let start = if commented { Some(0) } else { opened.or_else(|| after_space(line, "//")) };
                commented = (commented || opened.is_some()) && !line.contains("*/");
                start
            }
        };
        let end = line.trim_end_matches('\n').len();
        let (code, words) = line.split_at(code.unwrap_or(end));
        prose.extend(std::iter::repeat_n(' ', code.len()));
        prose.push_str(&without_names(words));
    }
    prose
}

/// Where `sign` stands first on its own: not in an address or a pattern of paths.
fn after_space(line: &str, sign: &str) -> Option<usize> {
    line.match_indices(sign)
        .map(|(at, _)| at)
        .find(|at| line[..*at].ends_with(char::is_whitespace) || *at == 0)
}

/// A line without code in backticks and braces, addresses, tags and what others are quoted with.
fn without_names(line: &str) -> String {
    let mut closing = None;
    let mut previous = ' ';
    let mut blanked = String::with_capacity(line.len());
    for letter in line.chars() {
        let opens = match letter {
            '`' | '"' => Some(letter),
            '{' => Some('}'),
            '(' if previous == ']' => Some(')'),
            '<' => Some('>'),
            _ => None,
        };
        let inside = closing.is_some();
        if closing == Some(letter) {
            closing = None;
        } else if !inside {
            closing = opens;
        }
        if (inside || closing.is_some()) && letter != '\n' {
            blanked.extend(std::iter::repeat_n(' ', letter.len_utf8()));
        } else {
            blanked.push(letter);
        }
        previous = letter;
    }
    blanked
}

#[cfg(test)]
mod tests {
    use super::*;

    // Wrong words are written in pieces: the check reads this file too.

    #[test]
    fn a_misspelt_word_is_found_in_prose_and_in_names() {
        let words = Words::new("flate");
        let wrong = concat!("rec", "ieve");
        let text = format!("fine\nwe {wrong}\nlet {wrong}_all = flate;\n");
        assert_eq!(words.misspelt(&text), [2, 3].map(|line| (line, format!("{wrong} (receive?)"))));
        assert_eq!(words.misspelt("colour color neutralise neutralize"), []);
    }

    #[test]
    fn american_spelling_is_found_in_prose_alone() {
        let words = Words::new("");
        let color = concat!("col", "or");
        let code = format!("let {color} = \"{color}\"; // {color}, `{color}` and {color}Level\n");
        assert_eq!(words.american(&prose(&code, "rs")), [(1, format!("{color} (colour?)"))]);
        let document = format!("```\n{color}\n```\n[{color}](https://{color}.org) is a colour\n");
        assert_eq!(words.american(&prose(&document, "md")), [(4, format!("{color} (colour?)"))]);
    }

    #[test]
    fn allowed_words_are_sorted_and_needed() {
        let allowed: Vec<_> = ALLOWED.lines().collect();
        assert!(allowed.is_sorted());
        let nothing = Words::new("");
        for word in allowed {
            let wrong = [nothing.misspelt(word), nothing.american(word)].concat();
            assert!(!wrong.is_empty(), "{word} would pass without being allowed");
        }
    }
}

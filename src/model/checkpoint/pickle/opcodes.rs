//! The opcodes of all protocols, from 0 to 5, that a checkpoint may hold.

use super::machine::{Machine, Step};
use super::{Id, Value};
use crate::model::checkpoint::CheckpointError;

/// Opcodes that one pickle may have.
pub(super) const MAX_OPCODES: usize = 1 << 21;

impl<'a> Machine<'a> {
    /// Runs the pickle to its end; the value that it leaves. `allowed` says which names it may have.
    pub(super) fn run(&mut self, allowed: impl Fn(&str, &str) -> bool) -> Step<Id> {
        for _ in 0..MAX_OPCODES {
            self.opcode_at = self.position;
            let opcode = self.take(1)?[0];
            match opcode {
                b'.' => return self.pop(),
                // Protocol and frames: nothing to do.
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),

                b'(' => self.marks.push(self.stack.len()),
                b'0' => {
                    if self.marks.last() == Some(&self.stack.len()) {
                        self.marks.pop();
                    } else {
                        self.pop()?;
                    }
                }
                b'1' => drop(self.pop_to_mark()?),
                b'2' => {
                    let id = self.top()?;
                    self.stack.push(id);
                }

                b'N' => self.push(Value::None)?,
                0x88 => self.push(Value::Bool(true))?,
                0x89 => self.push(Value::Bool(false))?,
                b'I' => {
                    let line = self.line()?;
                    let value = match line {
                        "00" => Value::Bool(false),
                        "01" => Value::Bool(true),
                        _ => Value::Int(self.integer(line)?),
                    };
                    self.push(value)?;
                }
                b'L' => {
                    let line = self.line()?;
                    let value = Value::Int(self.integer(line)?);
                    self.push(value)?;
                }
                b'J' => {
                    let value = self.number(4)? as u32 as i32;
                    self.push(Value::Int(value.into()))?;
                }
                b'K' => {
                    let value = self.number(1)?;
                    self.push(Value::Int(value as i64))?;
                }
                b'M' => {
                    let value = self.number(2)?;
                    self.push(Value::Int(value as i64))?;
                }
                0x8a => {
                    let bytes = self.counted(1)?;
                    self.push(long(bytes))?;
                }
                0x8b => {
                    let bytes = self.counted(4)?;
                    self.push(long(bytes))?;
                }
                b'F' => {
                    self.line()?;
                    self.push(Value::Float)?;
                }
                b'G' => {
                    self.take(8)?;
                    self.push(Value::Float)?;
                }

                b'X' | 0x8c | 0x8d => {
                    let bytes = self.counted(match opcode {
                        0x8c => 1,
                        b'X' => 4,
                        _ => 8,
                    })?;
                    let text = self.text(bytes)?;
                    self.push(Value::Text(text))?;
                }
                b'V' | b'S' => {
                    let line = self.line()?;
                    let quoted = |quote| line.strip_prefix(quote)?.strip_suffix(quote);
                    let text = if opcode == b'V' { Some(line) } else { quoted('\'').or_else(|| quoted('"')) };
                    match text.filter(|text| !text.contains('\\')) {
                        Some(text) => self.push(Value::Text(text))?,
                        None => return self.damaged("a text with escapes"),
                    }
                }
                // Texts of Python 2, else bytes.
                b'T' | b'U' => {
                    let bytes = self.counted(if opcode == b'T' { 4 } else { 1 })?;
                    let value = std::str::from_utf8(bytes).map_or(Value::Bytes, Value::Text);
                    self.push(value)?;
                }
                b'B' | b'C' | 0x8e | 0x96 => {
                    self.counted(match opcode {
                        b'C' => 1,
                        b'B' => 4,
                        _ => 8,
                    })?;
                    self.push(Value::Bytes)?;
                }

                b')' => self.push(Value::Tuple(Vec::new()))?,
                0x85 => self.tuple(1)?,
                0x86 => self.tuple(2)?,
                0x87 => self.tuple(3)?,
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.push(Value::Tuple(items))?;
                }
                b']' | 0x8f => self.push(Value::List(Vec::new()))?,
                b'l' | 0x91 => {
                    let items = self.pop_to_mark()?;
                    self.push(Value::List(items))?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend_list(vec![item])?;
                }
                b'e' | 0x90 => {
                    let items = self.pop_to_mark()?;
                    self.extend_list(items)?;
                }
                b'}' => self.push(Value::Dict(Vec::new()))?,
                b'd' => {
                    let items = self.pop_pairs()?;
                    self.push(Value::Dict(items))?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.extend_dict(vec![(key, value)])?;
                }
                b'u' => {
                    let items = self.pop_pairs()?;
                    self.extend_dict(items)?;
                }

                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.global(module, name, &allowed)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let text = |id: Id| match &self.values[id.0 as usize] {
                        Value::Text(text) => Some(*text),
                        _ => None,
                    };
                    match (text(module), text(name)) {
                        (Some(module), Some(name)) => self.global(module, name, &allowed)?,
                        _ => return self.damaged("a name that is no text"),
                    }
                }
                b'R' | 0x81 => {
                    let (arguments, class) = (self.pop()?, self.pop()?);
                    self.call(class, arguments)?;
                }
                0x92 => {
                    let (_keywords, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                    self.call(class, arguments)?;
                }
                // The attributes of an object (PyTorch's `_metadata` is one) hold no weights.
                b'b' => {
                    self.pop()?;
                    self.top()?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Value::Persistent(id))?;
                }

                b'p' => {
                    let key = self.memo_key()?;
                    self.remember(key)?;
                }
                b'q' | b'r' => {
                    let key = self.number(if opcode == b'q' { 1 } else { 4 })?;
                    self.remember(key)?;
                }
                0x94 => self.remember(self.memo.len() as u64)?,
                b'g' => {
                    let key = self.memo_key()?;
                    self.recall(key)?;
                }
                b'h' | b'j' => {
                    let key = self.number(if opcode == b'h' { 1 } else { 4 })?;
                    self.recall(key)?;
                }
                opcode => return Err(CheckpointError::Opcode { opcode, position: self.opcode_at }),
            }
        }
        let (size, limit) = (MAX_OPCODES as u64 + 1, MAX_OPCODES as u64);
        Err(CheckpointError::TooLarge { what: "the number of opcodes in its pickle", size, limit })
    }

    fn memo_key(&mut self) -> Step<u64> {
        let line = self.line()?;
        line.parse().or_else(|_| self.damaged("a reference that is no number"))
    }
}

/// Two's complement, little-endian, of any length.
fn long(bytes: &[u8]) -> Value<'_> {
    if bytes.len() > 8 {
        return Value::Long(bytes);
    }
    let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut wide = [fill; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}

//! The stack machine of a pickle: its operands, stack, marks and memo.

use super::{Id, Value};
use crate::model::checkpoint::CheckpointError;
use std::collections::HashMap;

/// Values that one pickle may make; a checkpoint with its optimiser has a few ten thousand.
pub(super) const MAX_VALUES: usize = 1 << 19;

/// The stack machine that a pickle is a program for.
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    pub(super) position: usize,
    pub(super) opcode_at: usize,
    pub(super) values: Vec<Value<'a>>,
    pub(super) stack: Vec<Id>,
    /// Heights of the stack where marks stand.
    pub(super) marks: Vec<usize>,
    pub(super) memo: HashMap<u64, Id>,
}

/// The result of one move of the machine.
pub(super) type Step<T = ()> = Result<T, CheckpointError>;

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            opcode_at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        }
    }

    pub(super) fn damaged<T>(&self, problem: &'static str) -> Step<T> {
        Err(CheckpointError::Pickle { problem, position: self.opcode_at })
    }

    pub(super) fn take(&mut self, count: u64) -> Step<&'a [u8]> {
        let rest = &self.bytes[self.position..];
        match usize::try_from(count).ok().and_then(|count| rest.get(..count)) {
            Some(bytes) => {
                self.position += bytes.len();
                Ok(bytes)
            }
            None => Err(CheckpointError::Truncated("its pickle")),
        }
    }

    /// A little-endian number of `width` bytes.
    pub(super) fn number(&mut self, width: u64) -> Step<u64> {
        Ok(self.take(width)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn counted(&mut self, width: u64) -> Step<&'a [u8]> {
        let count = self.number(width)?;
        self.take(count)
    }

    pub(super) fn line(&mut self) -> Step<&'a str> {
        let rest = &self.bytes[self.position..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(CheckpointError::Truncated("its pickle"));
        };
        self.position += length + 1;
        self.text(&rest[..length])
    }

    pub(super) fn text(&self, bytes: &'a [u8]) -> Step<&'a str> {
        std::str::from_utf8(bytes).or_else(|_| self.damaged("a text that is not UTF-8"))
    }

    pub(super) fn integer(&self, text: &str) -> Step<i64> {
        text.trim_end_matches('L').parse().or_else(|_| self.damaged("an integer that is none"))
    }

    pub(super) fn push(&mut self, value: Value<'a>) -> Step {
        if self.values.len() >= MAX_VALUES {
            let (size, limit) = (self.values.len() as u64 + 1, MAX_VALUES as u64);
            return Err(CheckpointError::TooLarge {
                what: "the number of values in its pickle",
                size,
                limit,
            });
        }
        self.stack.push(Id(self.values.len() as u32));
        self.values.push(value);
        Ok(())
    }

    /// Pops one value above the last mark.
    pub(super) fn pop(&mut self) -> Step<Id> {
        if self.stack.len() > self.marks.last().copied().unwrap_or(0) {
            Ok(self.stack.pop().expect("it is higher than a mark"))
        } else {
            self.damaged("an opcode that lacks its operand")
        }
    }

    pub(super) fn top(&self) -> Step<Id> {
        match self.stack.last() {
            Some(id) if self.stack.len() > self.marks.last().copied().unwrap_or(0) => Ok(*id),
            _ => self.damaged("an opcode that lacks its operand"),
        }
    }

    pub(super) fn pop_to_mark(&mut self) -> Step<Vec<Id>> {
        match self.marks.pop() {
            Some(height) => Ok(self.stack.split_off(height)),
            None => self.damaged("a missing mark"),
        }
    }

    pub(super) fn pop_pairs(&mut self) -> Step<Vec<(Id, Id)>> {
        let flat = self.pop_to_mark()?;
        match flat.as_chunks::<2>() {
            (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
            _ => self.damaged("a key without a value"),
        }
    }

    pub(super) fn tuple(&mut self, count: usize) -> Step {
        let mut items = (0..count).map(|_| self.pop()).collect::<Step<Vec<_>>>()?;
        items.reverse();
        self.push(Value::Tuple(items))
    }

    pub(super) fn extend_list(&mut self, items: Vec<Id>) -> Step {
        let id = self.top()?;
        match &mut self.values[id.0 as usize] {
            Value::List(list) => list.extend(items),
            // A list-like class: its elements are of no use here.
            Value::Object { .. } => {}
            _ => return self.damaged("elements for what is no list"),
        }
        Ok(())
    }

    pub(super) fn extend_dict(&mut self, pairs: Vec<(Id, Id)>) -> Step {
        let id = self.top()?;
        match &mut self.values[id.0 as usize] {
            Value::Dict(items) | Value::Object { items, .. } => items.extend(pairs),
            _ => return self.damaged("items for what is no dictionary"),
        }
        Ok(())
    }

    pub(super) fn remember(&mut self, key: u64) -> Step {
        let id = self.top()?;
        self.memo.insert(key, id);
        Ok(())
    }

    pub(super) fn recall(&mut self, key: u64) -> Step {
        match self.memo.get(&key) {
            Some(id) => {
                self.stack.push(*id);
                Ok(())
            }
            None => self.damaged("a reference to nothing"),
        }
    }

    pub(super) fn global(
        &mut self,
        module: &'a str,
        name: &'a str,
        allowed: &impl Fn(&str, &str) -> bool,
    ) -> Step {
        if !allowed(module, name) {
            let shown: String = format!("{module}.{name}").chars().take(80).collect();
            return Err(CheckpointError::Global(shown));
        }
        self.push(Value::Global(module, name))
    }

    pub(super) fn call(&mut self, class: Id, arguments: Id) -> Step {
        // Only a name can be called: the result of a call, or a text, cannot.
        match &self.values[class.0 as usize] {
            Value::Global(..) => self.push(Value::Object { class, arguments, items: Vec::new() }),
            _ => self.damaged("a call of what is no name"),
        }
    }
}

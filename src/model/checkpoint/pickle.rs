//! Python's pickle as plain data. A pickle is a program for a small stack machine, and Python's own
//! reader calls whatever function the file names. Here a call is only written down: the result is a
//! tree of numbers, texts, containers and names. Names must be on the caller's list, and everything
//! is bounded by the length of the file and by [`MAX_VALUES`].

use super::CheckpointError;
use std::collections::HashMap;

/// Values that one pickle may make; a checkpoint with its optimiser has a few ten thousand.
const MAX_VALUES: usize = 1 << 19;

/// Opcodes that one pickle may have.
const MAX_OPCODES: usize = 1 << 21;

/// Where a value lies in its [`Pickle`]. Values refer to each other by number: a pickle may hold
/// cycles and chains of any depth, which references would have to follow when they are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float,
    /// An integer of more than 64 bits, little-endian.
    Long(&'a [u8]),
    Text(&'a str),
    Bytes,
    /// Lists and sets.
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function by module and name.
    Global(&'a str, &'a str),
    /// What a call would make, with the items put into it later.
    Object {
        class: Id,
        arguments: Id,
        items: Vec<(Id, Id)>,
    },
    /// What lies outside of the pickle, by whatever the writer says of it.
    Persistent(Id),
}

/// The values of one pickle.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    /// The value that it stands for.
    pub(super) root: Id,
}

impl<'a> Pickle<'a> {
    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id.0 as usize]
    }

    /// Reads one pickle at the start of `bytes`; returns it with its length. `allowed` says which
    /// classes and functions may be named.
    pub(super) fn read(
        bytes: &'a [u8],
        allowed: impl Fn(&str, &str) -> bool,
    ) -> Result<(Self, usize), CheckpointError> {
        let mut machine = Machine {
            bytes,
            position: 0,
            opcode_at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        let root = machine.run(allowed)?;
        Ok((Self { values: machine.values, root }, machine.position))
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    position: usize,
    opcode_at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack where marks stand.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

type Step<T = ()> = Result<T, CheckpointError>;

impl<'a> Machine<'a> {
    fn damaged<T>(&self, problem: &'static str) -> Step<T> {
        Err(CheckpointError::Pickle { problem, position: self.opcode_at })
    }

    fn take(&mut self, count: u64) -> Step<&'a [u8]> {
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
    fn number(&mut self, width: u64) -> Step<u64> {
        Ok(self.take(width)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn counted(&mut self, width: u64) -> Step<&'a [u8]> {
        let count = self.number(width)?;
        self.take(count)
    }

    fn line(&mut self) -> Step<&'a str> {
        let rest = &self.bytes[self.position..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(CheckpointError::Truncated("its pickle"));
        };
        self.position += length + 1;
        self.text(&rest[..length])
    }

    fn text(&self, bytes: &'a [u8]) -> Step<&'a str> {
        std::str::from_utf8(bytes).or_else(|_| self.damaged("a text that is not UTF-8"))
    }

    fn integer(&self, text: &str) -> Step<i64> {
        text.trim_end_matches('L').parse().or_else(|_| self.damaged("an integer that is none"))
    }

    fn push(&mut self, value: Value<'a>) -> Step {
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

    /// Pops what lies above the last mark, one value.
    fn pop(&mut self) -> Step<Id> {
        if self.stack.len() > self.marks.last().copied().unwrap_or(0) {
            Ok(self.stack.pop().expect("it is higher than a mark"))
        } else {
            self.damaged("an opcode that lacks its operand")
        }
    }

    fn top(&self) -> Step<Id> {
        match self.stack.last() {
            Some(id) if self.stack.len() > self.marks.last().copied().unwrap_or(0) => Ok(*id),
            _ => self.damaged("an opcode that lacks its operand"),
        }
    }

    fn pop_to_mark(&mut self) -> Step<Vec<Id>> {
        match self.marks.pop() {
            Some(height) => Ok(self.stack.split_off(height)),
            None => self.damaged("a missing mark"),
        }
    }

    fn pop_pairs(&mut self) -> Step<Vec<(Id, Id)>> {
        let flat = self.pop_to_mark()?;
        match flat.as_chunks::<2>() {
            (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
            _ => self.damaged("a key without a value"),
        }
    }

    fn tuple(&mut self, count: usize) -> Step {
        let mut items = (0..count).map(|_| self.pop()).collect::<Step<Vec<_>>>()?;
        items.reverse();
        self.push(Value::Tuple(items))
    }

    fn extend_list(&mut self, items: Vec<Id>) -> Step {
        let id = self.top()?;
        match &mut self.values[id.0 as usize] {
            Value::List(list) => list.extend(items),
            // A list-like class: its elements are of no use here.
            Value::Object { .. } => {}
            _ => return self.damaged("elements for what is no list"),
        }
        Ok(())
    }

    fn extend_dict(&mut self, pairs: Vec<(Id, Id)>) -> Step {
        let id = self.top()?;
        match &mut self.values[id.0 as usize] {
            Value::Dict(items) | Value::Object { items, .. } => items.extend(pairs),
            _ => return self.damaged("items for what is no dictionary"),
        }
        Ok(())
    }

    fn remember(&mut self, key: u64) -> Step {
        let id = self.top()?;
        self.memo.insert(key, id);
        Ok(())
    }

    fn recall(&mut self, key: u64) -> Step {
        match self.memo.get(&key) {
            Some(id) => {
                self.stack.push(*id);
                Ok(())
            }
            None => self.damaged("a reference to nothing"),
        }
    }

    fn global(&mut self, module: &'a str, name: &'a str, allowed: &impl Fn(&str, &str) -> bool) -> Step {
        if !allowed(module, name) {
            let shown: String = format!("{module}.{name}").chars().take(80).collect();
            return Err(CheckpointError::Global(shown));
        }
        self.push(Value::Global(module, name))
    }

    fn call(&mut self, class: Id, arguments: Id) -> Step {
        // Only a name can be called: the result of a call, or a text, cannot.
        match &self.values[class.0 as usize] {
            Value::Global(..) => self.push(Value::Object { class, arguments, items: Vec::new() }),
            _ => self.damaged("a call of what is no name"),
        }
    }

    fn run(&mut self, allowed: impl Fn(&str, &str) -> bool) -> Step<Id> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(Pickle<'_>, usize), CheckpointError> {
        Pickle::read(bytes, |module, _| module == "good")
    }

    fn root(bytes: &[u8]) -> Value<'_> {
        let (pickle, length) = read(bytes).unwrap();
        assert_eq!(length, bytes.len());
        pickle.get(pickle.root).clone()
    }

    #[test]
    fn numbers_and_texts_of_every_protocol() {
        assert_eq!(root(b"I-7\n."), Value::Int(-7));
        assert_eq!(root(b"I01\n."), Value::Bool(true));
        assert_eq!(root(b"L123L\n."), Value::Int(123));
        assert_eq!(root(b"\x80\x02J\xff\xff\xff\xff."), Value::Int(-1));
        assert_eq!(root(b"\x80\x02M\x01\x02."), Value::Int(513));
        assert_eq!(root(b"\x80\x02\x8a\x02\xff\x00."), Value::Int(255));
        assert_eq!(root(b"\x80\x02\x8a\x01\xff."), Value::Int(-1));
        assert_eq!(root(b"\x80\x02\x8a\x00."), Value::Int(0));
        assert_eq!(root(b"\x80\x02X\x02\0\0\0ab."), Value::Text("ab"));
        assert_eq!(root(b"\x80\x04\x95\0\0\0\0\0\0\0\0\x8c\x01a\x94."), Value::Text("a"));
        assert_eq!(root(b"S'ab'\n."), Value::Text("ab"));
        assert_eq!(root(b"Vab\n."), Value::Text("ab"));
    }

    #[test]
    fn a_call_is_written_down_and_not_made() {
        let (pickle, _) = read(b"cgood\nthing\n(I1\ntR.").unwrap();
        let Value::Object { class, arguments, .. } = pickle.get(pickle.root) else { panic!("no object") };
        assert_eq!(*pickle.get(*class), Value::Global("good", "thing"));
        assert!(matches!(pickle.get(*arguments), Value::Tuple(items) if items.len() == 1));
    }

    #[test]
    fn names_outside_the_list_are_refused() {
        let attacks: [&[u8]; 3] = [
            b"cposix\nsystem\n(S'echo'\ntR.",
            b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
            b"\x80\x02cbuiltins\neval\nq\0.",
        ];
        for attack in attacks {
            assert!(matches!(read(attack), Err(CheckpointError::Global(_))));
        }
        // INST and OBJ name classes by another way; extension codes by numbers.
        for opcode in [b'i', b'o', 0x82, 0x83, 0x84, 0x97, 0x98, b'P', 0xff] {
            let error = read(&[b'(', opcode, b'a', b'\n', b'b', b'\n', b'.']).unwrap_err();
            assert_eq!(error, CheckpointError::Opcode { opcode, position: 1 });
        }
    }

    #[test]
    fn damage_is_an_error() {
        let damaged: [&[u8]; 14] = [
            b"",
            b"(",
            b".",
            b"0.",
            b"t.",
            b"a.",
            b"]a.",
            b"]s.",
            b"(N}s.",
            b"(Nd.",
            b"h\x07.",
            b"g9\n.",
            b"NNR.",
            b"X\xff\xff\xff\xffab.",
        ];
        for bytes in damaged {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn size_is_bounded() {
        let mut wide = vec![b']'; MAX_VALUES + 1];
        wide.push(b'.');
        assert!(matches!(read(&wide), Err(CheckpointError::TooLarge { .. })));
        let mut long = b"N".to_vec();
        long.extend(std::iter::repeat_n(*b"20", MAX_OPCODES / 2).flatten());
        assert!(matches!(read(&long), Err(CheckpointError::TooLarge { .. })));
        // A list in a list in a list: dropping it must not take a frame of the stack for each.
        let mut deep = vec![b']'; MAX_VALUES];
        deep.extend(vec![b'a'; MAX_VALUES - 1]);
        deep.push(b'.');
        assert!(read(&deep).is_ok());
        // A list that holds itself.
        assert!(read(b"]q\0h\0a.").is_ok());
    }
}

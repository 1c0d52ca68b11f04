//! Python's pickle as plain data. A pickle is a program for a small stack machine, and Python's own
//! reader calls whatever function the file names. Here a call is only written down: the result is a
//! tree of numbers, texts, containers and names. Names must be on the caller's list, and everything
//! is bounded by the length of the file and by [`machine::MAX_VALUES`].

mod machine;
mod opcodes;

use super::CheckpointError;
use machine::Machine;

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
    /// The result that a call would have, with the items put into it later.
    Object {
        class: Id,
        arguments: Id,
        items: Vec<(Id, Id)>,
    },
    /// A value outside of the pickle, by the writer's name for it.
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
        let mut machine = Machine::new(bytes);
        let root = machine.run(allowed)?;
        Ok((Self { values: machine.values, root }, machine.position))
    }
}

#[cfg(test)]
mod tests {
    use super::machine::MAX_VALUES;
    use super::opcodes::MAX_OPCODES;
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

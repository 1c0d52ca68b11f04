//! PyTorch's `torch.save`: a zip archive with one pickle and one entry a storage (since 1.6), or a
//! chain of pickles with the storages behind (before).
//!
//! burn-store's reader of such files is well guarded too, but opens them by path: there are none in
//! a browser.

use super::pickle::{Id, Pickle, Value};
use super::{Checkpoint, CheckpointError, Element, Format, RawTensor};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use zip::ZipArchive;

/// Entries of an archive; a network has a few hundred tensors.
const MAX_ENTRIES: usize = 1 << 16;

/// Depth of dictionaries in dictionaries around the tensors.
const MAX_DEPTH: usize = 12;

/// Dictionary entries that are looked at.
const MAX_VISITS: usize = 1 << 18;

/// First value of the chain of pickles, little-endian.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Classes and functions that tensors are made of, or that stand beside them in checkpoints of
/// training. None of them is called.
fn allowed(module: &str, name: &str) -> bool {
    match module {
        "collections" => matches!(name, "OrderedDict" | "defaultdict" | "Counter"),
        "torch._utils" => name.starts_with("_rebuild_"),
        "torch" => {
            name.ends_with("Storage")
                || matches!(name, "Size" | "device" | "dtype")
                || element_of_dtype(name).is_some()
        }
        "torch.storage" => matches!(name, "UntypedStorage" | "TypedStorage"),
        "torch.nn.parameter" => name == "Parameter",
        "builtins" | "__builtin__" => {
            matches!(
                name,
                "set"
                    | "frozenset"
                    | "dict"
                    | "list"
                    | "int"
                    | "float"
                    | "bool"
                    | "complex"
                    | "slice"
                    | "range"
            )
        }
        "argparse" => name == "Namespace",
        "_codecs" => name == "encode",
        "numpy" => matches!(name, "dtype" | "ndarray"),
        "numpy.core.multiarray" | "numpy._core.multiarray" => matches!(name, "scalar" | "_reconstruct"),
        _ => false,
    }
}

fn element_of_dtype(name: &str) -> Option<Element> {
    let other = |size| Some(Element::Other { name: name.to_owned(), size });
    match name {
        "float32" => Some(Element::F32),
        "float64" => Some(Element::F64),
        "float16" => Some(Element::F16),
        "bfloat16" => Some(Element::Bf16),
        "int8" => Some(Element::I8),
        "uint8" | "bool" => other(1),
        "int16" => other(2),
        "int32" => other(4),
        "int64" | "complex64" => other(8),
        "complex128" => other(16),
        _ => None,
    }
}

fn element_of_storage(name: &str) -> Option<Element> {
    element_of_dtype(match name {
        "FloatStorage" => "float32",
        "DoubleStorage" => "float64",
        "HalfStorage" => "float16",
        "BFloat16Storage" => "bfloat16",
        "CharStorage" => "int8",
        "ByteStorage" => "uint8",
        "BoolStorage" => "bool",
        "ShortStorage" => "int16",
        "IntStorage" => "int32",
        "LongStorage" => "int64",
        "ComplexFloatStorage" => "complex64",
        "ComplexDoubleStorage" => "complex128",
        _ => return None,
    })
}

pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// Whether the first pickle holds PyTorch's number; from protocol 4 on a frame stands before it.
pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(32)];
    head.first() == Some(&0x80) && head.windows(LEGACY_MAGIC.len()).any(|window| window == LEGACY_MAGIC)
}

/// Reads the zip form.
pub(super) fn read_zip(bytes: &[u8]) -> Result<Checkpoint<'_>, CheckpointError> {
    let archive = Archive::open(bytes)?;
    if let Some(order) = archive.entries.get("byteorder")
        && archive.check("byteorder", order)? != b"little"
    {
        return Err(CheckpointError::Structure(
            "its numbers are big-endian; save it on another machine".into(),
        ));
    }
    let Some(entry) = archive.entries.get("data.pkl") else {
        return Err(CheckpointError::Archive("has no data.pkl: this is no checkpoint of PyTorch".into()));
    };
    let (pickle, _) = Pickle::read(archive.check("data.pkl", entry)?, allowed)?;
    // Each storage is compared with its checksum once, though several tensors may share it.
    let mut storages = HashMap::new();
    let tensors = attach(Walk::over(&pickle)?, |key| match storages.get(key) {
        Some(bytes) => Ok(*bytes),
        None => {
            let bytes = archive.storage(key)?;
            storages.insert(key.to_owned(), bytes);
            Ok(bytes)
        }
    })?;
    Ok(Checkpoint { format: Format::PytorchZip, tensors, strings: BTreeMap::new() })
}

/// Reads the chain of pickles.
pub(super) fn read_legacy(bytes: &[u8]) -> Result<Checkpoint<'_>, CheckpointError> {
    let mut position = 0;
    let mut next = || {
        let (pickle, length) = Pickle::read(&bytes[position..], allowed)?;
        position += length;
        Ok::<_, CheckpointError>(pickle)
    };
    let magic = next()?;
    if *magic.get(magic.root) != Value::Long(&LEGACY_MAGIC) {
        return Err(CheckpointError::Format(" (this is a pickle, but not PyTorch's)"));
    }
    let protocol = next()?;
    if *protocol.get(protocol.root) != Value::Int(1001) {
        return Err(CheckpointError::Structure("its version of PyTorch's old format is unknown".into()));
    }
    let system = next()?;
    if let Value::Dict(items) = system.get(system.root)
        && items.iter().any(|(key, value)| {
            *system.get(*key) == Value::Text("little_endian") && *system.get(*value) == Value::Bool(false)
        })
    {
        return Err(CheckpointError::Structure(
            "its numbers are big-endian; save it on another machine".into(),
        ));
    }
    let objects = next()?;
    let keys = next()?;

    let views = Walk::over(&objects)?;
    // Which element each storage holds is said only where it is used.
    let sizes: HashMap<&str, usize> = views.values().map(|view| (view.key, view.element.size())).collect();
    let Value::List(order) = keys.get(keys.root) else {
        return Err(CheckpointError::Structure("its list of storages is missing".into()));
    };
    let mut storages = HashMap::new();
    for id in order {
        let Value::Text(key) = keys.get(*id) else {
            return Err(CheckpointError::Structure("a storage has no name".into()));
        };
        let rest = &bytes[position..];
        let truncated = CheckpointError::Truncated("a storage");
        let count = rest.first_chunk().map(|count| u64::from_le_bytes(*count)).ok_or(truncated.clone())?;
        let Some(size) = sizes.get(key) else {
            return Err(CheckpointError::Structure(format!("its storage {key:?} is used by no tensor")));
        };
        let length = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(*size))
            .ok_or(truncated.clone())?;
        storages.insert(*key, rest.get(8..).and_then(|rest| rest.get(..length)).ok_or(truncated)?);
        position += 8 + length;
    }
    let tensors = attach(views, |key| {
        let missing = || CheckpointError::Structure(format!("its storage {key:?} is missing"));
        storages.get(key).copied().ok_or_else(missing)
    })?;
    Ok(Checkpoint { format: Format::PytorchLegacy, tensors, strings: BTreeMap::new() })
}

/// A zip archive whose entries are stored as they are, in one folder.
struct Archive<'a> {
    bytes: &'a [u8],
    /// Start, length and checksum by name within the folder.
    entries: HashMap<String, (u64, u64, u32)>,
}

impl<'a> Archive<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        let damaged = |error: zip::result::ZipError| CheckpointError::Archive(format!("is damaged: {error}"));
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        if archive.len() > MAX_ENTRIES {
            let (size, limit) = (archive.len() as u64, MAX_ENTRIES as u64);
            return Err(CheckpointError::TooLarge {
                what: "the number of entries in its archive",
                size,
                limit,
            });
        }
        let mut entries = HashMap::new();
        let mut folder = None;
        for index in 0..archive.len() {
            let file = archive.by_index_raw(index).map_err(damaged)?;
            let name = file.name().map_err(damaged)?.into_owned();
            if file.encrypted() || file.compression() != zip::CompressionMethod::Stored {
                return Err(CheckpointError::Archive(
                    "is compressed or encrypted, which PyTorch's is not; pack it again without compression"
                        .into(),
                ));
            }
            let proper = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']);
            let Some((first, rest)) = name.split_once('/').filter(|_| name.split('/').all(proper)) else {
                return Err(CheckpointError::EntryName(name));
            };
            if *folder.get_or_insert_with(|| first.to_owned()) != first {
                return Err(CheckpointError::Archive("has more than one folder".into()));
            }
            let start = file.data_start().ok_or(CheckpointError::Truncated("its zip archive"))?;
            let place = (start, file.size(), file.crc32());
            if entries.insert(rest.to_owned(), place).is_some() {
                return Err(CheckpointError::Archive(format!("has two entries {name:?}")));
            }
        }
        Ok(Self { bytes, entries })
    }

    /// The bytes of an entry, compared with its checksum.
    fn check(
        &self,
        name: &str,
        &(start, length, crc): &(u64, u64, u32),
    ) -> Result<&'a [u8], CheckpointError> {
        let range = usize::try_from(start)
            .ok()
            .zip(start.checked_add(length).and_then(|end| usize::try_from(end).ok()));
        let bytes = range.and_then(|(start, end)| self.bytes.get(start..end));
        let bytes = bytes.ok_or(CheckpointError::Truncated("its zip archive"))?;
        if crc32fast::hash(bytes) == crc {
            Ok(bytes)
        } else {
            Err(CheckpointError::Archive(format!(
                "has a wrong checksum for {name}; download or copy it again"
            )))
        }
    }

    fn storage(&self, key: &str) -> Result<&'a [u8], CheckpointError> {
        let name = format!("data/{key}");
        match self.entries.get(&name) {
            Some(entry) => self.check(&name, entry),
            None => Err(CheckpointError::Structure(format!("its storage {key:?} is missing"))),
        }
    }
}

/// A tensor as the pickle describes it.
struct View<'p> {
    element: Element,
    /// Name of its storage.
    key: &'p str,
    /// First element.
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// Joins tensors with the bytes of their storages.
fn attach<'a>(
    views: BTreeMap<String, View<'_>>,
    mut bytes_of: impl FnMut(&str) -> Result<&'a [u8], CheckpointError>,
) -> Result<BTreeMap<String, RawTensor<'a>>, CheckpointError> {
    views
        .into_iter()
        .map(|(name, view)| {
            let View { element, key, offset, shape, strides } = view;
            let bytes = Cow::Borrowed(bytes_of(key)?);
            let tensor = RawTensor::strided(&name, shape, strides, offset, element, bytes)?;
            Ok((name, tensor))
        })
        .collect()
}

/// Goes through nested dictionaries and gathers tensors under their dotted names.
struct Walk<'p, 'a> {
    pickle: &'p Pickle<'a>,
    views: BTreeMap<String, View<'p>>,
    visits: usize,
}

impl<'p, 'a> Walk<'p, 'a> {
    fn over(pickle: &'p Pickle<'a>) -> Result<BTreeMap<String, View<'p>>, CheckpointError> {
        let mut walk = Self { pickle, views: BTreeMap::new(), visits: 0 };
        walk.visit("", pickle.root, 0)?;
        Ok(walk.views)
    }

    fn visit(&mut self, name: &str, id: Id, depth: usize) -> Result<(), CheckpointError> {
        self.visits += 1;
        if self.visits > MAX_VISITS || depth > MAX_DEPTH {
            let (what, size, limit) = if depth > MAX_DEPTH {
                ("the depth of its dictionaries", depth, MAX_DEPTH)
            } else {
                ("the number of its entries", self.visits, MAX_VISITS)
            };
            return Err(CheckpointError::TooLarge { what, size: size as u64, limit: limit as u64 });
        }
        let pickle = self.pickle;
        match pickle.get(id) {
            Value::Dict(items) => self.visit_items(name, items, depth),
            Value::List(list) => list
                .iter()
                .enumerate()
                .try_for_each(|(i, item)| self.visit(&joined(name, &i.to_string()), *item, depth + 1)),
            Value::Object { class, arguments, items } => match (pickle.get(*class), pickle.get(*arguments)) {
                (Value::Global("collections", _), Value::Tuple(arguments)) => {
                    self.visit_items(name, items, depth)?;
                    // Python 2 wrote the items of an OrderedDict as its argument.
                    match arguments.first().map(|id| pickle.get(*id)) {
                        Some(Value::List(pairs)) => {
                            let pairs: Vec<(Id, Id)> =
                                pairs.iter().filter_map(|id| pair(pickle, *id)).collect();
                            self.visit_items(name, &pairs, depth)
                        }
                        _ => Ok(()),
                    }
                }
                (Value::Global("torch._utils", function), Value::Tuple(arguments)) => {
                    match (*function, arguments.first()) {
                        ("_rebuild_parameter" | "_rebuild_parameter_with_state", Some(tensor)) => {
                            self.visit(name, *tensor, depth + 1)
                        }
                        ("_rebuild_tensor" | "_rebuild_tensor_v2", Some(_)) => self.tensor(name, arguments),
                        _ => Err(CheckpointError::Structure(format!(
                            "{name} is a tensor of an unknown kind ({function})"
                        ))),
                    }
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn visit_items(&mut self, name: &str, items: &[(Id, Id)], depth: usize) -> Result<(), CheckpointError> {
        for (key, value) in items {
            let key = match self.pickle.get(*key) {
                Value::Text(text) => (*text).to_owned(),
                Value::Int(number) => number.to_string(),
                _ => continue,
            };
            self.visit(&joined(name, &key), *value, depth + 1)?;
        }
        Ok(())
    }

    /// From the arguments of `_rebuild_tensor`: storage, first element, shape, strides.
    fn tensor(&mut self, name: &str, arguments: &[Id]) -> Result<(), CheckpointError> {
        let misbuilt =
            || CheckpointError::Structure(format!("tensor {name} is not put together as PyTorch does it"));
        let &[storage, offset, shape, strides, ..] = arguments else { return Err(misbuilt()) };
        let (element, key, first) = self.storage(storage).ok_or_else(misbuilt)??;
        let view = View {
            element,
            key,
            offset: self.size(offset).and_then(|offset| offset.checked_add(first)).ok_or_else(misbuilt)?,
            shape: self.sizes(shape).ok_or_else(misbuilt)?,
            strides: self.sizes(strides).ok_or_else(misbuilt)?,
        };
        if self.views.insert(name.to_owned(), view).is_some() {
            return Err(CheckpointError::Structure(format!("it holds two tensors {name}")));
        }
        Ok(())
    }

    /// Parses a persistent id, `("storage", type, key, location, count[, view])`: element, key,
    /// and the first element where it is a view of another storage.
    fn storage(&self, id: Id) -> Option<Result<(Element, &'p str, usize), CheckpointError>> {
        let Value::Persistent(id) = self.pickle.get(id) else { return None };
        let Value::Tuple(parts) = self.pickle.get(*id) else { return None };
        let &[tag, kind, key, _location, _count, ref view @ ..] = parts.as_slice() else { return None };
        let Value::Global("torch" | "torch.storage", kind) = self.pickle.get(kind) else { return None };
        let Value::Text(key) = self.pickle.get(key) else { return None };
        if *self.pickle.get(tag) != Value::Text("storage") {
            return None;
        }
        // Keys are numbers that PyTorch counts or took from memory addresses.
        if key.is_empty() || key.len() > 32 || !key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
            return Some(Err(CheckpointError::EntryName((*key).to_owned())));
        }
        let element =
            element_of_storage(kind).unwrap_or_else(|| Element::Other { name: (*kind).to_owned(), size: 1 });
        let first = match view.first().map(|id| self.pickle.get(*id)) {
            Some(Value::Tuple(view)) => self.size(*view.get(1)?)?,
            _ => 0,
        };
        Some(Ok((element, key, first)))
    }

    fn size(&self, id: Id) -> Option<usize> {
        match self.pickle.get(id) {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        match self.pickle.get(id) {
            Value::Tuple(items) if items.len() <= 8 => items.iter().map(|id| self.size(*id)).collect(),
            // torch.Size(tuple)
            Value::Object { arguments, .. } => match self.pickle.get(*arguments) {
                Value::Tuple(arguments) => match self.pickle.get(*arguments.first()?) {
                    Value::Tuple(items) if items.len() <= 8 => {
                        items.iter().map(|id| self.size(*id)).collect()
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }
}

fn pair(pickle: &Pickle<'_>, id: Id) -> Option<(Id, Id)> {
    match pickle.get(id) {
        Value::Tuple(items) | Value::List(items) => match items.as_slice() {
            [key, value] => Some((*key, *value)),
            _ => None,
        },
        _ => None,
    }
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

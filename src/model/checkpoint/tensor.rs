//! A tensor as it lies in a file.

use super::CheckpointError;
use crate::error::{Error, Result};
use half::{bf16, f16};
use std::borrow::Cow;

/// Type of the elements of a stored tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// IEEE half.
    F16,
    /// Brain float.
    Bf16,
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
    /// Signed byte, of quantised matrices.
    I8,
    /// Any other, by its name; such a tensor can be named but not read.
    Other {
        /// Name in the file.
        name: String,
        /// Bytes of one element.
        size: usize,
    },
}

impl Element {
    /// Bytes of one element.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::I8 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Other { size, .. } => *size,
        }
    }

    /// Name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::Other { name, .. } => name,
        }
    }
}

/// A tensor in the bytes of a file: nothing is copied or widened before [`RawTensor::values`].
#[derive(Clone, Debug)]
pub struct RawTensor<'a> {
    shape: Vec<usize>,
    /// Distance of neighbours along each axis, in elements.
    strides: Vec<usize>,
    element: Element,
    /// Little-endian elements, the first of them the tensor's first.
    data: Cow<'a, [u8]>,
}

impl<'a> RawTensor<'a> {
    /// A tensor whose elements lie in row-major order, exactly `shape` of them in `data`.
    pub(super) fn contiguous(
        name: &str,
        shape: Vec<usize>,
        element: Element,
        data: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, CheckpointError> {
        let mut strides = vec![1usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
        }
        let whole = data.into();
        let expected = elements(&shape).and_then(|n| n.checked_mul(element.size()));
        if expected != Some(whole.len()) {
            return Err(CheckpointError::Storage { tensor: name.to_owned(), shape, stored: whole.len() });
        }
        Self::strided(name, shape, strides, 0, element, whole)
    }

    /// A tensor that starts at element `offset` of `storage` and is spread over it by `strides`.
    /// No larger than the storage: what repeats elements is no weight, and could be made to fill
    /// memory from a small file.
    pub(super) fn strided(
        name: &str,
        shape: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        element: Element,
        storage: Cow<'a, [u8]>,
    ) -> Result<Self, CheckpointError> {
        let available = storage.len() / element.size();
        let fits = || {
            let count = elements(&shape)?;
            if strides.len() != shape.len() || offset > available {
                return None;
            }
            if count == 0 {
                return Some(());
            }
            let last = shape.iter().zip(&strides).try_fold(offset, |last, (length, stride)| {
                (length - 1).checked_mul(*stride).and_then(|reach| last.checked_add(reach))
            })?;
            (last < available && count <= available).then_some(())
        };
        if fits().is_none() {
            return Err(CheckpointError::Storage { tensor: name.to_owned(), shape, stored: storage.len() });
        }
        let start = offset * element.size();
        let data = match storage {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[start..]),
            Cow::Owned(bytes) => Cow::Owned(bytes[start..].to_vec()),
        };
        Ok(Self { shape, strides, element, data })
    }

    /// A tensor that can be named but not read.
    pub(super) fn unread(shape: Vec<usize>, element: Element) -> Self {
        Self { strides: vec![0; shape.len()], shape, element, data: Cow::Borrowed(&[]) }
    }

    /// Length of each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Type of the elements in the file.
    #[must_use]
    pub fn element(&self) -> &Element {
        &self.element
    }

    /// The elements in row-major order, widened to f32. `name` is for the error.
    ///
    /// # Errors
    /// [`CheckpointError::ElementType`] for elements that are no numbers with a fraction (or
    /// quantised ones), [`Error::ModelNotFinite`] for NaN and infinity.
    pub fn values(&self, name: &str) -> Result<Vec<f32>> {
        let values = match &self.element {
            Element::F16 => self.read(|b| f16::from_le_bytes(b).to_f32()),
            Element::Bf16 => self.read(|b| bf16::from_le_bytes(b).to_f32()),
            Element::F32 => self.read(f32::from_le_bytes),
            Element::F64 => self.read(|b| f64::from_le_bytes(b) as f32),
            Element::I8 => self.read(|b| f32::from(i8::from_le_bytes(b))),
            Element::Other { name: found, .. } => {
                let (tensor, found) = (name.to_owned(), found.clone());
                return Err(CheckpointError::ElementType { tensor, found }.into());
            }
        };
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(Error::ModelNotFinite { tensor: name.to_owned() })
        }
    }

    fn read<const N: usize>(&self, value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        let count = self.shape.iter().product();
        let mut values = Vec::with_capacity(count);
        let (bytes, _) = self.data.as_chunks::<N>();
        let Some((&row_length, outer)) = self.shape.split_last() else {
            return bytes.first().map(|b| value(*b)).into_iter().collect();
        };
        let stride = self.strides[outer.len()];
        let mut index = vec![0; outer.len()];
        while values.len() < count {
            let start: usize = index.iter().zip(&self.strides).map(|(i, stride)| i * stride).sum();
            if stride == 1 {
                values.extend(bytes[start..start + row_length].iter().map(|b| value(*b)));
            } else {
                values.extend((0..row_length).map(|i| value(bytes[start + i * stride])));
            }
            for axis in (0..outer.len()).rev() {
                index[axis] += 1;
                if index[axis] < outer[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        values
    }
}

/// Number of elements, if that is a number.
fn elements(shape: &[usize]) -> Option<usize> {
    // Zero times too much is still too much: no axis may be beyond all memory.
    shape.iter().try_fold(1usize, |n, length| n.checked_mul((*length).max(1)))?;
    Some(shape.iter().product())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(n: usize) -> Cow<'static, [u8]> {
        (0..n).flat_map(|i| (i as f32).to_le_bytes()).collect::<Vec<_>>().into()
    }

    #[test]
    fn strides_and_offsets() {
        let transposed =
            RawTensor::strided("t", vec![2, 3], vec![1, 2], 1, Element::F32, storage(7)).unwrap();
        assert_eq!(transposed.values("t").unwrap(), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        let scalar = RawTensor::contiguous("s", vec![], Element::F32, storage(1)).unwrap();
        assert_eq!(scalar.values("s").unwrap(), [0.0]);
        let empty = RawTensor::contiguous("e", vec![3, 0, 2], Element::F32, storage(0)).unwrap();
        assert!(empty.values("e").unwrap().is_empty());
    }

    #[test]
    fn nothing_reaches_beyond_its_storage() {
        for (shape, strides, offset) in [
            (vec![2, 3], vec![3, 1], 2),
            (vec![8], vec![0], 0),
            (vec![2], vec![usize::MAX], 0),
            (vec![usize::MAX, 2], vec![1, 1], 0),
            (vec![usize::MAX, 0], vec![1, 1], 9),
            (vec![1], vec![1, 1], 0),
            (vec![1], vec![1], usize::MAX),
        ] {
            let result = RawTensor::strided("t", shape.clone(), strides, offset, Element::F32, storage(7));
            assert!(matches!(result, Err(CheckpointError::Storage { .. })), "{shape:?}");
        }
    }
}

//! A graph under construction: operators in, the name of their result out.

use super::OnnxError;
use super::messages::{
    AttributeProto, Dimension, DimensionProto, FLOAT, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, attribute,
};
use autochrome::model::weights::HostTensor;
use std::collections::BTreeMap;

/// What is added to the variance of a norm: PyTorch's and Caffe's default, and the engine's.
const BATCH_NORM_EPSILON: f32 = 1e-5;

/// A square convolution; zero padding keeps the size at stride 1.
#[derive(Clone, Copy)]
pub(super) struct Conv {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Each channel by itself.
    pub(super) depthwise: bool,
}

impl Conv {
    /// 1 x 1.
    pub(super) const POINTWISE: Self = Self { kernel: 1, ..Self::SQUARE };
    /// 3 x 3.
    pub(super) const SQUARE: Self = Self { kernel: 3, stride: 1, dilation: 1, depthwise: false };
    /// 3 x 3, half the size.
    pub(super) const HALVING: Self = Self { stride: 2, ..Self::SQUARE };

    /// For so many channels out.
    fn attributes(self, channels: usize) -> Vec<AttributeProto> {
        let padding = self.dilation * (self.kernel / 2);
        let mut attributes = vec![
            ints("dilations", &[self.dilation; 2]),
            ints("kernel_shape", &[self.kernel; 2]),
            ints("pads", &[padding; 4]),
            ints("strides", &[self.stride; 2]),
        ];
        if self.depthwise {
            attributes.push(AttributeProto {
                name: "group".to_owned(),
                i: channels as i64,
                r#type: attribute::INT,
                ..AttributeProto::default()
            });
        }
        attributes
    }
}

/// The graph so far, and the tensors it is fed from.
pub(super) struct Graph<'a> {
    tensors: &'a BTreeMap<String, HostTensor>,
    graph: GraphProto,
}

impl<'a> Graph<'a> {
    pub(super) fn new(name: &str, tensors: &'a BTreeMap<String, HostTensor>) -> Self {
        let graph = GraphProto { name: name.to_owned(), ..GraphProto::default() };
        Self { tensors, graph }
    }

    /// The finished graph from `input` to `output`, both with their axes.
    pub(super) fn finish(
        mut self,
        input: (&str, [Dimension; 4]),
        output: (&str, [Dimension; 4]),
    ) -> GraphProto {
        self.graph.input.push(value(input));
        self.graph.output.push(value(output));
        self.graph
    }

    /// Whether the model has a tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor of the model.
    fn tensor(&self, name: &str) -> Result<&'a HostTensor, OnnxError> {
        self.tensors.get(name).ok_or_else(|| OnnxError::Tensor(name.to_owned()))
    }

    /// Adds a weight and gives its name back.
    fn weight(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        self.graph.initializer.push(TensorProto {
            dims: shape.iter().map(|n| *n as i64).collect(),
            data_type: FLOAT,
            name: name.to_owned(),
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        });
        name.to_owned()
    }

    /// Adds a node whose result has its name.
    fn node(&mut self, op: &str, name: &str, input: &[&str], attribute: Vec<AttributeProto>) -> String {
        self.graph.node.push(NodeProto {
            input: input.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: op.to_owned(),
            attribute,
        });
        name.to_owned()
    }

    /// `(x - shift) / scale`, as the networks see lightness. It cannot move into the first
    /// convolution, whose zero padding stands for L = 50.
    pub(super) fn normalise(&mut self, x: &str, shift: f32, scale: f32) -> String {
        let by = self.weight("shift", &[], &[shift]);
        let x = self.node("Sub", "shifted", &[x, &by], Vec::new());
        let by = self.weight("scale", &[], &[scale]);
        self.node("Div", "normalised", &[&x, &by], Vec::new())
    }

    /// The convolution `key` (weight and bias of that name).
    pub(super) fn conv(&mut self, key: &str, x: &str, conv: Conv) -> Result<String, OnnxError> {
        self.scaled_conv(key, x, conv, 1.0, key)
    }

    /// The convolution `key` with all that it gives multiplied by `factor`; its result is `name`.
    pub(super) fn scaled_conv(
        &mut self,
        key: &str,
        x: &str,
        conv: Conv,
        factor: f32,
        name: &str,
    ) -> Result<String, OnnxError> {
        let scaled = |tensor: &HostTensor| tensor.values.iter().map(|v| v * factor).collect::<Vec<f32>>();
        let (weight, bias) = (self.tensor(&format!("{key}.weight"))?, self.tensor(&format!("{key}.bias"))?);
        let w = self.weight(&format!("{key}.weight"), &weight.shape, &scaled(weight));
        let b = self.weight(&format!("{key}.bias"), &bias.shape, &scaled(bias));
        Ok(self.node("Conv", name, &[x, &w, &b], conv.attributes(weight.shape[0])))
    }

    /// The convolution `key.0` with the norm `key.1` behind it inside.
    pub(super) fn conv_norm(&mut self, key: &str, x: &str, conv: Conv) -> Result<String, OnnxError> {
        let names = [format!("{key}.0"), format!("{key}.1")];
        self.conv_and_norm(key, names.each_ref().map(String::as_str), BATCH_NORM_EPSILON, x, conv)
    }

    /// A convolution with the norm behind it inside, which is exact, since nothing stands between the
    /// two; its result is `key`.
    pub(super) fn conv_and_norm(
        &mut self,
        key: &str,
        [convolution, norm]: [&str; 2],
        epsilon: f32,
        x: &str,
        conv: Conv,
    ) -> Result<String, OnnxError> {
        let weight = self.tensor(&format!("{convolution}.weight"))?;
        let part = |part: &str| self.tensor(&format!("{norm}.{part}")).map(|tensor| &tensor.values);
        let (gamma, beta) = (part("weight")?, part("bias")?);
        let (mean, variance) = (part("running_mean")?, part("running_var")?);
        let scale: Vec<f32> = gamma.iter().zip(variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
        let shift: Vec<f32> = (0..scale.len()).map(|c| beta[c] - mean[c] * scale[c]).collect();
        let taps = weight.values.len() / scale.len();
        let folded: Vec<f32> = weight.values.iter().enumerate().map(|(i, w)| w * scale[i / taps]).collect();
        let w = self.weight(&format!("{key}.weight"), &weight.shape, &folded);
        let b = self.weight(&format!("{key}.bias"), &[shift.len()], &shift);
        Ok(self.node("Conv", key, &[x, &w, &b], conv.attributes(weight.shape[0])))
    }

    /// A linear layer on `[batch, channels, 1, 1]`, as the convolution that it is.
    pub(super) fn linear(&mut self, key: &str, x: &str) -> Result<String, OnnxError> {
        let (weight, bias) = (self.tensor(&format!("{key}.weight"))?, self.tensor(&format!("{key}.bias"))?);
        let shape = [weight.shape.as_slice(), &[1, 1]].concat();
        let w = self.weight(&format!("{key}.weight"), &shape, &weight.values);
        let b = self.weight(&format!("{key}.bias"), &bias.shape, &bias.values);
        let attributes = Conv::POINTWISE.attributes(weight.shape[0]);
        Ok(self.node("Conv", key, &[x, &w, &b], attributes))
    }

    /// The transposed convolution that doubles the size: 4 x 4, stride 2, padding 1.
    pub(super) fn conv_transpose(&mut self, key: &str, x: &str) -> Result<String, OnnxError> {
        let (weight, bias) = (self.tensor(&format!("{key}.weight"))?, self.tensor(&format!("{key}.bias"))?);
        let w = self.weight(&format!("{key}.weight"), &weight.shape, &weight.values);
        let b = self.weight(&format!("{key}.bias"), &bias.shape, &bias.values);
        let attributes = vec![ints("kernel_shape", &[4; 2]), ints("pads", &[1; 4]), ints("strides", &[2; 2])];
        Ok(self.node("ConvTranspose", key, &[x, &w, &b], attributes))
    }

    /// The norm `key` with its running statistics.
    pub(super) fn batch_norm(&mut self, key: &str, x: &str) -> Result<String, OnnxError> {
        let mut input = vec![x.to_owned()];
        for part in ["weight", "bias", "running_mean", "running_var"] {
            let name = format!("{key}.{part}");
            let tensor = self.tensor(&name)?;
            input.push(self.weight(&name, &tensor.shape, &tensor.values));
        }
        let epsilon = AttributeProto {
            name: "epsilon".to_owned(),
            f: BATCH_NORM_EPSILON,
            r#type: attribute::FLOAT,
            ..AttributeProto::default()
        };
        let input: Vec<&str> = input.iter().map(String::as_str).collect();
        Ok(self.node("BatchNormalization", key, &input, vec![epsilon]))
    }

    pub(super) fn relu(&mut self, x: &str) -> String {
        self.node("Relu", &format!("{x}.relu"), &[x], Vec::new())
    }

    /// A ReLU that ends at 6.
    pub(super) fn relu6(&mut self, x: &str) -> String {
        let name = format!("{x}.relu6");
        let (least, most) =
            (self.number(&format!("{name}.least"), 0.0), self.number(&format!("{name}.most"), 6.0));
        self.node("Clip", &name, &[x, &least, &most], Vec::new())
    }

    /// A number, called `name`.
    pub(super) fn number(&mut self, name: &str, value: f32) -> String {
        self.weight(name, &[], &[value])
    }

    /// An operator of two or three operands without attributes.
    pub(super) fn operator(&mut self, operator: &str, name: &str, operands: &[&str]) -> String {
        self.node(operator, name, operands, Vec::new())
    }

    /// `a + b`, called `name`.
    pub(super) fn add(&mut self, name: &str, a: &str, b: &str) -> String {
        self.node("Add", name, &[a, b], Vec::new())
    }

    /// The mean of each channel, `[batch, channels, 1, 1]`.
    pub(super) fn mean(&mut self, x: &str) -> String {
        self.node("GlobalAveragePool", &format!("{x}.mean"), &[x], Vec::new())
    }

    /// Twice the size, every value four times.
    pub(super) fn double(&mut self, x: &str) -> String {
        let scales = format!("{x}.scales");
        let scales = self.weight(&scales, &[4], &[1.0, 1.0, 2.0, 2.0]);
        let attributes = vec![
            text("coordinate_transformation_mode", "asymmetric"),
            text("mode", "nearest"),
            text("nearest_mode", "floor"),
        ];
        // The second operand is a region of interest, which nearest has no use for.
        self.node("Resize", &format!("{x}.doubled"), &[x, "", &scales], attributes)
    }
}

fn value((name, shape): (&str, [Dimension; 4])) -> ValueInfoProto {
    let dim = shape.map(|dimension| DimensionProto { value: Some(dimension) }).to_vec();
    let tensor = TensorTypeProto { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

fn ints(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: values.iter().map(|n| *n as i64).collect(),
        r#type: attribute::INTS,
        ..AttributeProto::default()
    }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        s: value.as_bytes().to_vec(),
        r#type: attribute::STRING,
        ..AttributeProto::default()
    }
}

//! A graph under construction: operators in, the name of their result out.

use super::OnnxError;
use super::messages::{
    AttributeProto, Dimension, DimensionProto, FLOAT, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, attribute,
};
use autochrome::model::network::{Layer, LayerKind, Norm};
use autochrome::model::weights::HostTensor;
use std::collections::BTreeMap;

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

    /// A tensor of the model, by the name of its layer or norm.
    fn part(&self, name: &str, part: &str) -> Result<&'a HostTensor, OnnxError> {
        let name = format!("{name}.{part}");
        self.tensors.get(&name).ok_or(OnnxError::Tensor(name))
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
    pub(super) fn normalize(&mut self, x: &str, shift: f32, scale: f32) -> String {
        let by = self.weight("shift", &[], &[shift]);
        let x = self.node("Sub", "shifted", &[x, &by], Vec::new());
        let by = self.weight("scale", &[], &[scale]);
        self.node("Div", "normalised", &[&x, &by], Vec::new())
    }

    /// The convolution of a layer (its transposed one, or its matrix as a convolution of single places),
    /// with its output multiplied by `factor`, called `name`.
    pub(super) fn convolution(
        &mut self,
        layer: &Layer,
        x: &str,
        factor: f32,
        name: &str,
    ) -> Result<String, OnnxError> {
        let (weight, bias) = (self.part(&layer.name, "weight")?, self.part(&layer.name, "bias")?);
        let scaled = |tensor: &HostTensor| tensor.values.iter().map(|v| v * factor).collect::<Vec<f32>>();
        let (weight, bias) = (scaled(weight), scaled(bias));
        Ok(self.convolution_node(layer, x, [&weight, &bias], name))
    }

    /// The convolution of a layer with the norm behind it inside, which is exact, since nothing stands
    /// between the two.
    pub(super) fn normed_convolution(
        &mut self,
        layer: &Layer,
        norm: &Norm,
        x: &str,
    ) -> Result<String, OnnxError> {
        let weight = &self.part(&layer.name, "weight")?.values;
        let part = |part| self.part(&norm.name, part).map(|tensor| &tensor.values);
        let (gamma, beta) = (part("weight")?, part("bias")?);
        let (mean, variance) = (part("running_mean")?, part("running_var")?);
        let epsilon = norm.epsilon as f32;
        let scale: Vec<f32> = gamma.iter().zip(variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
        let shift: Vec<f32> = (0..scale.len()).map(|c| beta[c] - mean[c] * scale[c]).collect();
        let taps = weight.len() / scale.len();
        let folded: Vec<f32> = weight.iter().enumerate().map(|(i, w)| w * scale[i / taps]).collect();
        Ok(self.convolution_node(layer, x, [&folded, &shift], &layer.name))
    }

    /// A layer's node with its weights and bias.
    fn convolution_node(
        &mut self,
        layer: &Layer,
        x: &str,
        [weights, bias]: [&[f32]; 2],
        name: &str,
    ) -> String {
        let mut shape = layer.weight_shape();
        shape.resize(4, 1);
        let w = self.weight(&format!("{}.weight", layer.name), &shape, weights);
        let b = self.weight(&format!("{}.bias", layer.name), &[layer.to], bias);
        let padding = match layer.kind {
            LayerKind::Transposed => 1,
            _ => layer.dilation * (layer.kernel / 2),
        };
        let mut attributes = vec![
            ints("dilations", &[layer.dilation; 2]),
            ints("kernel_shape", &[layer.kernel; 2]),
            ints("pads", &[padding; 4]),
            ints("strides", &[layer.stride; 2]),
        ];
        if layer.kind == LayerKind::Depthwise {
            attributes.push(AttributeProto {
                name: "group".to_owned(),
                i: layer.to as i64,
                r#type: attribute::INT,
                ..AttributeProto::default()
            });
        }
        let operator = if layer.kind == LayerKind::Transposed { "ConvTranspose" } else { "Conv" };
        self.node(operator, name, &[x, &w, &b], attributes)
    }

    /// A norm with its running statistics.
    pub(super) fn batch_norm(&mut self, norm: &Norm, x: &str) -> Result<String, OnnxError> {
        let mut input = vec![x.to_owned()];
        for part in ["weight", "bias", "running_mean", "running_var"] {
            let tensor = self.part(&norm.name, part)?;
            input.push(self.weight(&format!("{}.{part}", norm.name), &tensor.shape, &tensor.values));
        }
        let epsilon = AttributeProto {
            name: "epsilon".to_owned(),
            f: norm.epsilon as f32,
            r#type: attribute::FLOAT,
            ..AttributeProto::default()
        };
        let input: Vec<&str> = input.iter().map(String::as_str).collect();
        Ok(self.node("BatchNormalization", &norm.name, &input, vec![epsilon]))
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
    pub(super) fn add(&mut self, name: &str, operands: [&str; 2]) -> String {
        self.node("Add", name, &operands, Vec::new())
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

//! From a program's tree to a lazy array.

use std::collections::HashMap;

use ndfolio_kernel::elementwise::{Literal, Ufunc};
use ndfolio_layout::DType;

use super::{
    Arguments, BinaryOp, EvalError, Expr, Node, Number, Program, Span, UnaryOp, arguments::Given, functions,
    python,
};
use crate::Lazy;

/// What a part of a program is.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Array(Lazy),
    Text(String),
    Type(String),
    None,
    Several(Vec<(Span, Item)>),
}

impl Item {
    /// What it is called in messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Item::Array(_) => "an array",
            Item::Text(_) => "text",
            Item::Type(_) => "a dtype",
            Item::None => "None",
            Item::Several(_) => "several values",
        }
    }
}

impl Program {
    /// The program's result for arrays of these names, as a lazy array. Reads nothing.
    ///
    /// # Errors
    /// A name that means nothing, an unknown function, arguments that it does not take, shapes and dtypes that
    /// NumPy refuses: each with its place in the text.
    ///
    /// ```
    /// use ndfolio::{Lazy, Session, eval::Program};
    /// let x = Lazy::from(ndarray::arr1(&[3.0_f32, 4.0]));
    /// let norm = Program::parse("sqrt(sum(x**2))")?.evaluate(&[("x", x)])?;
    /// assert_eq!(norm.compute(&Session::new())?.value().to_string(), "5.0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn evaluate(&self, arrays: &[(&str, Lazy)]) -> Result<Lazy, EvalError> {
        let names: Vec<&str> = arrays.iter().map(|(name, _)| *name).collect();
        let program = self.clone().resolve(&names)?;
        let known = arrays.iter().map(|(name, lazy)| ((*name).to_owned(), Item::Array(lazy.clone())));
        let mut lowering = Lowering { program: &program, known: known.collect() };
        for binding in program.bindings() {
            let value = lowering.item(&binding.value)?;
            lowering.known.insert(binding.name.text.clone(), value);
        }
        lowering.array(program.result())
    }
}

pub(super) struct Lowering<'p> {
    pub(super) program: &'p Program,
    known: HashMap<String, Item>,
}

impl Lowering<'_> {
    pub(super) fn error(&self, span: Span, message: impl Into<String>) -> EvalError {
        self.program.error(span, message)
    }

    /// An expression that must be an array or a number.
    fn array(&self, expr: &Expr) -> Result<Lazy, EvalError> {
        match self.item(expr)? {
            Item::Array(lazy) => Ok(lazy),
            other => Err(self.error(expr.span(), format!("expected an array, found {}", other.kind()))),
        }
    }

    /// Errors come out where they arise, so that they can be pointed at.
    pub(super) fn checked(&self, span: Span, lazy: Lazy) -> Result<Item, EvalError> {
        match lazy.dtype() {
            Ok(_) => Ok(Item::Array(lazy)),
            Err(error) => Err(self.error(span, error.to_string())),
        }
    }

    fn item(&self, expr: &Expr) -> Result<Item, EvalError> {
        let span = expr.span();
        let number = |literal: Literal| Ok(Item::Array(literal.into()));
        match expr.node() {
            Node::Number(Number::Int(n)) => number(Literal::Int(*n)),
            Node::Number(Number::Float(x)) => number(Literal::Float(*x)),
            Node::Number(Number::Imaginary(x)) => {
                number(Literal::Complex(num_complex::Complex::new(0.0, *x)))
            }
            Node::Bool(truth) => number(Literal::Bool(*truth)),
            Node::Constant(constant) => number(Literal::Float(constant.value())),
            Node::None => Ok(Item::None),
            Node::Text(text) => Ok(Item::Text(text.clone())),
            Node::Type(name) => Ok(Item::Type(name.clone())),
            Node::Name(name) => self
                .known
                .get(name)
                .cloned()
                .ok_or_else(|| self.error(span, format!("there is no array '{name}'"))),
            Node::Unary(op, operand) => self.unary(span, *op, operand),
            Node::Binary(op, left, right) => self.binary(span, *op, left, right),
            Node::Call(name, arguments) => {
                let arguments = self.arguments(None, arguments)?;
                functions::call(self, span, name, arguments)
            }
            Node::Method(object, name, arguments) => {
                let object = (object.span(), Item::Array(self.array(object)?));
                let arguments = self.arguments(Some(object), arguments)?;
                functions::method(self, span, name, arguments)
            }
            Node::Attribute(object, name) => functions::attribute(self, span, &self.array(object)?, name),
            Node::Index(object, selection) => {
                let object = self.array(object)?;
                self.checked(span, object.slice(selection.clone()))
            }
            Node::Field(object, name) => {
                let object = self.array(object)?;
                self.checked(span, object.field(name))
            }
            Node::Tuple(items) | Node::List(items) => {
                let items = items.iter().map(|item| Ok((item.span(), self.item(item)?)));
                Ok(Item::Several(items.collect::<Result<_, EvalError>>()?))
            }
        }
    }

    fn arguments(&self, first: Option<(Span, Item)>, arguments: &Arguments) -> Result<Given, EvalError> {
        let mut positional: Vec<(Span, Item)> = first.into_iter().collect();
        for argument in &arguments.positional {
            positional.push((argument.span(), self.item(argument)?));
        }
        let mut named = Vec::new();
        for (name, argument) in &arguments.named {
            named.push((name.clone(), (argument.span(), self.item(argument)?)));
        }
        Ok(Given { positional, named })
    }

    fn unary(&self, span: Span, op: UnaryOp, operand: &Expr) -> Result<Item, EvalError> {
        let operand = self.array(operand)?;
        if let Some(literal) = operand.as_literal()
            && let Some(found) = python::unary(op, literal)
        {
            let found = found.map_err(|message| self.error(span, message))?;
            return Ok(Item::Array(found.into()));
        }
        let ufunc = match op {
            UnaryOp::Negative => Ufunc::Negative,
            UnaryOp::Positive => Ufunc::Positive,
            UnaryOp::Invert => Ufunc::Invert,
        };
        self.checked(span, Lazy::map(ufunc, &[operand]))
    }

    fn binary(&self, span: Span, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Item, EvalError> {
        let (left, right) = (self.array(left)?, self.array(right)?);
        if let (Some(a), Some(b)) = (left.as_literal(), right.as_literal())
            && let Some(found) = python::binary(op, a, b)
        {
            let found = found.map_err(|message| self.error(span, message))?;
            return Ok(Item::Array(found.into()));
        }
        self.checked(span, Lazy::map(ufunc(op), &[left, right]))
    }
}

fn ufunc(op: BinaryOp) -> Ufunc {
    match op {
        BinaryOp::Power => Ufunc::Power,
        BinaryOp::Multiply => Ufunc::Multiply,
        BinaryOp::Divide => Ufunc::Divide,
        BinaryOp::FloorDivide => Ufunc::FloorDivide,
        BinaryOp::Remainder => Ufunc::Remainder,
        BinaryOp::Add => Ufunc::Add,
        BinaryOp::Subtract => Ufunc::Subtract,
        BinaryOp::LeftShift => Ufunc::LeftShift,
        BinaryOp::RightShift => Ufunc::RightShift,
        BinaryOp::And => Ufunc::BitwiseAnd,
        BinaryOp::Xor => Ufunc::BitwiseXor,
        BinaryOp::Or => Ufunc::BitwiseOr,
        BinaryOp::Less => Ufunc::Less,
        BinaryOp::LessEqual => Ufunc::LessEqual,
        BinaryOp::Greater => Ufunc::Greater,
        BinaryOp::GreaterEqual => Ufunc::GreaterEqual,
        BinaryOp::Equal => Ufunc::Equal,
        BinaryOp::NotEqual => Ufunc::NotEqual,
    }
}

/// A dtype that is given as text or by name.
pub(super) fn dtype_of(item: &Item) -> Option<Result<DType, String>> {
    match item {
        Item::Text(text) | Item::Type(text) => {
            Some(text.parse().map_err(|error: ndfolio_layout::LayoutError| error.to_string()))
        }
        _ => None,
    }
}

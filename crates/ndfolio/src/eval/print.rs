//! Tree to text, with no bracket that is not needed. What is printed is read as the same tree.

use std::fmt::{Display, Formatter, Result};

use ndfolio_layout::literal::Literal;

use super::{Arguments, Binding, Expr, Node, Number, Program, tree::Level};

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for Binding { name, value } in &self.bindings {
            write!(f, "{} = {value}; ", name.text)?;
        }
        self.result.fmt(f)
    }
}

impl Display for Number {
    /// As Python's `repr`, but for where exponents begin.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Number::Int(number) => write!(f, "{number}"),
            Number::Float(number) => write!(f, "{number:?}"),
            Number::Imaginary(number) => {
                let digits = format!("{number:?}");
                write!(f, "{}j", digits.strip_suffix(".0").unwrap_or(&digits))
            }
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.node {
            Node::Number(number) => number.fmt(f),
            Node::Bool(true) => f.write_str("True"),
            Node::Bool(false) => f.write_str("False"),
            Node::None => f.write_str("None"),
            Node::Text(text) => quoted(f, text),
            Node::Constant(constant) => write!(f, "np.{}", constant.name()),
            Node::Type(name) => write!(f, "np.{name}"),
            Node::Name(name) => f.write_str(name),
            Node::Tuple(items) => {
                f.write_str("(")?;
                list(f, items)?;
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Node::List(items) => {
                f.write_str("[")?;
                list(f, items)?;
                f.write_str("]")
            }
            _ => self.fmt_operation(f),
        }
    }
}

impl Expr {
    fn fmt_operation(&self, f: &mut Formatter<'_>) -> Result {
        match &self.node {
            Node::Unary(op, operand) => {
                f.write_str(op.sign())?;
                operand.within(f, Level::Sign)
            }
            Node::Binary(op, left, right) => {
                let (before, behind) = match op.level() {
                    Level::Power => (Level::Atom, Level::Sign),
                    Level::Comparison => (Level::Or, Level::Or),
                    level => (level, level.tighter()),
                };
                left.within(f, before)?;
                match op.level() {
                    Level::Power => f.write_str(op.sign())?,
                    _ => write!(f, " {} ", op.sign())?,
                }
                right.within(f, behind)
            }
            Node::Call(name, given) => {
                let numpy = if name.text.contains('.') { "np." } else { "" };
                write!(f, "{numpy}{}", name.text)?;
                arguments(f, given)
            }
            Node::Method(object, name, given) => {
                object.before_point(f)?;
                write!(f, ".{}", name.text)?;
                arguments(f, given)
            }
            Node::Attribute(object, name) => {
                object.before_point(f)?;
                write!(f, ".{}", name.text)
            }
            Node::Index(object, selection) => {
                object.within(f, Level::Atom)?;
                if selection.parts().is_empty() { f.write_str("[()]") } else { write!(f, "[{selection}]") }
            }
            Node::Field(object, name) => {
                object.within(f, Level::Atom)?;
                f.write_str("[")?;
                quoted(f, name)?;
                f.write_str("]")
            }
            _ => self.fmt(f),
        }
    }

    fn level(&self) -> Level {
        match &self.node {
            Node::Unary(..) => Level::Sign,
            Node::Binary(op, ..) => op.level(),
            _ => Level::Atom,
        }
    }

    /// In brackets if it binds less tightly than its place needs.
    fn within(&self, f: &mut Formatter<'_>, lowest: Level) -> Result {
        if self.level() >= lowest { self.fmt(f) } else { write!(f, "({self})") }
    }

    /// As an object: a point behind a number would be the number's.
    fn before_point(&self, f: &mut Formatter<'_>) -> Result {
        if matches!(self.node, Node::Number(_)) { write!(f, "({self})") } else { self.within(f, Level::Atom) }
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    Literal::Str(text.to_owned()).fmt(f)
}

fn list(f: &mut Formatter<'_>, items: &[Expr]) -> Result {
    for (i, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
    }
    Ok(())
}

fn arguments(f: &mut Formatter<'_>, given: &Arguments) -> Result {
    f.write_str("(")?;
    list(f, &given.positional)?;
    for (i, (name, value)) in given.named.iter().enumerate() {
        let comma = if i > 0 || !given.positional.is_empty() { ", " } else { "" };
        write!(f, "{comma}{}={value}", name.text)?;
    }
    f.write_str(")")
}

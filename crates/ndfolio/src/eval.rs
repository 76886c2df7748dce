//! The language of array expressions: Python's syntax with NumPy's names.
//!
//! A [`Program`] is read from text: names with values, then the expression that is the result.
//!
//! ```
//! use ndfolio::eval::Program;
//! let program = Program::parse("m = mean(x, axis=0); (x - m) / (std(x, axis=0) + 1e-9)")?;
//! assert_eq!(program.free_names().map(|name| name.text).collect::<Vec<_>>(), ["x"]);
//! let error = program.resolve(&["y"]).unwrap_err();
//! assert!(error.to_string().contains("there is no array 'x'"));
//! # Ok::<(), ndfolio::eval::EvalError>(())
//! ```
//!
//! Operators bind as in Python. What Python has and arrays cannot do (`and`, `a if c else b`, `0 < x < 1`) is
//! refused with what to write instead. Text is not trusted: its length, the nesting of brackets and the height
//! of the tree are limited, and the time is linear in the text.

mod arguments;
mod error;
mod functions;
mod lower;
mod names;
mod nearest;
mod number;
mod parse;
mod print;
mod python;
mod subscript;
mod token;
mod tree;

#[cfg(test)]
mod tests;

pub use error::EvalError;
pub use names::{check_name, unknown_name};
pub use nearest::nearest;
pub use tree::{Arguments, BinaryOp, Binding, Constant, Expr, Name, Node, Number, Program, Span, UnaryOp};

/// The longest text that is read, in bytes.
pub const MAX_LEN: usize = 1 << 16;

/// How deep brackets, signs and operators may nest.
pub const MAX_NESTING: usize = 200;

/// How many nodes of a tree may stand above each other. What recurses over a tree relies on it.
pub const MAX_HEIGHT: usize = 500;
